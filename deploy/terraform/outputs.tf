output "image" {
  description = "Push the image here, then apply again with its tag."
  value       = local.image
}

output "database_dsn" {
  description = "What `sixplane db init` connects to, from a machine of the database's network."
  value       = local.database_dsn
}

output "database_password_secret" {
  description = "OCID of the secret with the password to give the user SIXPLANE."
  value       = oci_vault_secret.generated["database-password"].id
}

output "invoke_url" {
  description = "Address of the server; its paths are appended, such as /v1/chat."
  value       = "https://inference.generativeai.${var.region}.oci.oraclecloud.com/20251112/hostedApplications/${oci_generative_ai_hosted_application.this.id}/actions/invoke"
}

output "dynamic_group" {
  description = "The dynamic group that further policies may name."
  value       = oci_identity_dynamic_group.this.name
}
