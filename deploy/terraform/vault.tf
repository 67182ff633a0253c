# OCI Vault makes both passwords and the session key itself, so that they stand neither in the state nor in a variable.
resource "oci_kms_vault" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  vault_type     = "DEFAULT"
  freeform_tags  = local.tags
}

resource "oci_kms_key" "this" {
  compartment_id      = var.compartment_ocid
  display_name        = var.name
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "SOFTWARE"
  freeform_tags       = local.tags

  key_shape {
    algorithm = "AES"
    length    = 32 # bytes
  }
}

resource "oci_vault_secret" "generated" {
  for_each = {
    database-admin    = "Password of the user ADMIN of the Autonomous Database"
    database-password = "Password of the user SIXPLANE of the Autonomous Database"
    session-key       = "Seals the cookies of the page; the same for all replicas"
  }

  compartment_id         = var.compartment_ocid
  vault_id               = oci_kms_vault.this.id
  key_id                 = oci_kms_key.this.id
  secret_name            = "${var.name}-${each.key}"
  description            = each.value
  enable_auto_generation = true
  freeform_tags          = local.tags

  secret_generation_context {
    generation_type     = "PASSPHRASE"
    generation_template = "DBAAS_DEFAULT_PASSWORD"
    passphrase_length   = 30 # the longest that Oracle Database takes
  }
}

# OCI makes the data key of an APM domain; a copy in the vault keeps it out of the application's plain settings.
resource "oci_vault_secret" "apm_data_key" {
  compartment_id = var.compartment_ocid
  vault_id       = oci_kms_vault.this.id
  key_id         = oci_kms_key.this.id
  secret_name    = "${var.name}-apm-data-key"
  description    = "Private data key of the APM domain"
  freeform_tags  = local.tags

  secret_content {
    content_type = "BASE64"
    content      = base64encode(one([for each in data.oci_apm_data_keys.this.data_keys : each.value if each.type == "PRIVATE"]))
  }
}
