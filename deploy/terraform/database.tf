resource "oci_database_autonomous_database" "this" {
  compartment_id              = var.compartment_ocid
  db_name                     = replace(var.name, "-", "")
  display_name                = var.name
  db_workload                 = "OLTP"
  db_version                  = var.database_version
  license_model               = "LICENSE_INCLUDED"
  compute_model               = "ECPU"
  compute_count               = var.database_ecpus
  data_storage_size_in_gb     = var.database_storage_gb
  is_auto_scaling_enabled     = true
  secret_id                   = oci_vault_secret.generated["database-admin"].id
  subnet_id                   = var.database_subnet_ocid
  nsg_ids                     = [oci_core_network_security_group.database.id]
  is_mtls_connection_required = false # TLS without a wallet, which is allowed on a private endpoint
  freeform_tags               = local.tags
}

locals {
  # A descriptor for each service and form; TP is the service for many short transactions. The first, because a private
  # endpoint may have one with its name and one with its address.
  database_dsn = [
    for each in oci_database_autonomous_database.this.connection_strings[0].profiles : each.value
    if each.consumer_group == "TP" && each.tls_authentication == "SERVER" && each.syntax_format == "LONG"
  ][0]
}
