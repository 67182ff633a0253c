# OCI's own budget, of the whole compartment; it warns and stops nothing. Sixplane's budgets (docs/cost.md) stop runs.
resource "oci_budget_budget" "this" {
  provider = oci.home

  compartment_id = var.tenancy_ocid
  display_name   = var.name
  description    = "The compartment of Sixplane"
  amount         = var.monthly_budget
  reset_period   = "MONTHLY"
  target_type    = "COMPARTMENT"
  targets        = [var.compartment_ocid]
  freeform_tags  = local.tags
}

resource "oci_budget_alert_rule" "this" {
  provider = oci.home
  for_each = toset(["50", "75", "90", "100"])

  budget_id      = oci_budget_budget.this.id
  display_name   = "${var.name}-${each.key}"
  type           = "ACTUAL"
  threshold_type = "PERCENTAGE"
  threshold      = tonumber(each.key)
  message        = "The compartment of Sixplane has spent ${each.key} % of its monthly budget."
  recipients     = var.alert_email == "" ? null : var.alert_email
  freeform_tags  = local.tags
}
