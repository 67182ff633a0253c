# The statements of docs/oci.md and of `sixplane deploy policies`; a test compares them.
resource "oci_identity_dynamic_group" "this" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = var.name
  description    = "Sixplane's hosted application"
  # A hosted application, one that OCI IAM authenticates, and a deployment are principals of three types.
  matching_rule = "ANY {${join(", ", [
    for kind in ["generativeaihostedapplication", "generativeaihostedapplicationiam", "generativeaihosteddeployment"] :
    "ALL {resource.type = '${kind}', resource.compartment.id = '${var.compartment_ocid}'}"
  ])}}"
  freeform_tags = local.tags
}

resource "oci_identity_policy" "this" {
  provider = oci.home

  compartment_id = var.compartment_ocid
  name           = var.name
  description    = "What Sixplane's hosted application may use"
  freeform_tags  = local.tags

  statements = [
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to use generative-ai-family in compartment id ${var.compartment_ocid}",
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to use log-content in compartment id ${var.compartment_ocid}",
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to use metrics in compartment id ${var.compartment_ocid} where target.metrics.namespace='sixplane'",
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to use ons-topics in compartment id ${var.compartment_ocid}",
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to read objects in compartment id ${var.compartment_ocid}",
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to read secret-bundles in compartment id ${var.compartment_ocid}",
    "allow dynamic-group ${oci_identity_dynamic_group.this.name} to read repos in compartment id ${var.compartment_ocid}",
  ]
}
