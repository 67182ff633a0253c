resource "oci_logging_log_group" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  freeform_tags  = local.tags
}

resource "oci_logging_log" "this" {
  for_each = toset(["calls", "audit"])

  display_name       = "${var.name}-${each.key}"
  log_group_id       = oci_logging_log_group.this.id
  log_type           = "CUSTOM"
  is_enabled         = true
  retention_duration = var.log_retention_days
  freeform_tags      = local.tags
}

resource "oci_ons_notification_topic" "this" {
  compartment_id = var.compartment_ocid
  name           = "${var.name}-budgets"
  description    = "Budget alerts of Sixplane"
  freeform_tags  = local.tags
}

resource "oci_ons_subscription" "email" {
  count = var.alert_email == "" ? 0 : 1

  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.this.id
  protocol       = "EMAIL"
  endpoint       = var.alert_email
  freeform_tags  = local.tags
}

resource "oci_apm_apm_domain" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  is_free_tier   = var.apm_free_tier
  freeform_tags  = local.tags
}

data "oci_apm_data_keys" "this" {
  apm_domain_id = oci_apm_apm_domain.this.id
}
