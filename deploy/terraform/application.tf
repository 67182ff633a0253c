data "oci_objectstorage_namespace" "this" {
  compartment_id = var.tenancy_ocid
}

resource "oci_artifacts_container_repository" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  is_public      = false
  is_immutable   = true # a tag names one image for ever
  freeform_tags  = local.tags
}

locals {
  tags = { application = "sixplane", stack = var.name }

  image = "${var.region}.ocir.io/${data.oci_objectstorage_namespace.this.namespace}/${oci_artifacts_container_repository.this.display_name}"

  # A replica's disk is not shared and does not last: the profile `oracle` keeps everything in the database.
  settings = merge(
    {
      SIXPLANE_PROFILE                    = "oracle"
      SIXPLANE_RUN__RECOVER               = "true"
      SIXPLANE_OCI__AUTH                  = "resource_principal"
      SIXPLANE_OCI__REGION                = var.region
      SIXPLANE_OCI__COMPARTMENT_ID        = var.compartment_ocid
      SIXPLANE_OCI__LOG_ID                = oci_logging_log.this["calls"].id
      SIXPLANE_OCI__TOPIC_ID              = oci_ons_notification_topic.this.id
      SIXPLANE_OCI__METRICS_NAMESPACE     = "sixplane"
      SIXPLANE_OCI__APM_ENDPOINT          = oci_apm_apm_domain.this.data_upload_endpoint
      SIXPLANE_AUDIT__LOG_ID              = oci_logging_log.this["audit"].id
      SIXPLANE_ORACLE__DSN                = local.database_dsn
      SIXPLANE_ORACLE__USER               = "SIXPLANE"
      SIXPLANE_ORACLE__PASSWORD_SECRET_ID = oci_vault_secret.generated["database-password"].id
      SIXPLANE_ORACLE__TABLESPACE         = "DATA"
      SIXPLANE_ORACLE__VECTOR_INDEX       = "ivf"
      SIXPLANE_SERVER__AUTH               = var.inbound_auth == "NONE" ? "keys" : "oidc"
    },
    var.inbound_auth == "NONE" ? {} : {
      SIXPLANE_SERVER__OIDC__ISSUER   = var.token_issuer
      SIXPLANE_SERVER__OIDC__AUDIENCE = var.token_audience
      SIXPLANE_SERVER__OIDC__JWKS_URL = "${var.identity_domain_url}/admin/v1/SigningCert/jwk"
    },
  )

  secrets = {
    SIXPLANE_OCI__APM_DATA_KEY   = oci_vault_secret.apm_data_key.id
    SIXPLANE_SERVER__SESSION_KEY = oci_vault_secret.generated["session-key"].id
  }
}

resource "oci_generative_ai_hosted_application" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name
  description    = "Research over your own documents, with every claim cited"
  freeform_tags  = local.tags

  # The provider takes a value as JSON and sends what it says.
  dynamic "environment_variables" {
    for_each = local.settings
    content {
      name  = environment_variables.key
      type  = "PLAINTEXT"
      value = jsonencode(environment_variables.value)
    }
  }

  dynamic "environment_variables" {
    for_each = local.secrets
    content {
      name  = environment_variables.key
      type  = "VAULT"
      value = jsonencode(environment_variables.value)
    }
  }

  inbound_auth_config {
    inbound_auth_config_type = var.inbound_auth == "NONE" ? "NO_AUTH_CONFIG" : "IDCS_AUTH_CONFIG"

    dynamic "idcs_config" {
      for_each = var.inbound_auth == "NONE" ? [] : [var.identity_domain_url]
      content {
        domain_url = idcs_config.value
        audience   = var.token_audience
        scope      = var.token_scope
      }
    }
  }

  networking_config {
    inbound_networking_config {
      endpoint_mode = "PUBLIC"
    }

    outbound_networking_config {
      network_mode     = "CUSTOM"
      custom_subnet_id = var.application_subnet_ocid
      nsg_ids          = [oci_core_network_security_group.application.id]
    }
  }

  scaling_config {
    scaling_type                 = "CONCURRENCY"
    min_replica                  = var.min_replicas
    max_replica                  = var.max_replicas
    target_concurrency_threshold = var.requests_per_replica
  }

  lifecycle {
    precondition {
      condition     = var.min_replicas <= var.max_replicas
      error_message = "min_replicas must not exceed max_replicas."
    }

    precondition {
      condition     = var.inbound_auth == "NONE" || startswith(var.identity_domain_url, "https://")
      error_message = "IDENTITY_DOMAIN needs identity_domain_url, an address that begins with https://."
    }
  }

  depends_on = [oci_identity_policy.this]
}

resource "oci_generative_ai_hosted_deployment" "this" {
  count = var.image_tag == "" ? 0 : 1

  compartment_id        = var.compartment_ocid
  hosted_application_id = oci_generative_ai_hosted_application.this.id
  display_name          = var.name # without the tag: a deployment cannot be renamed, and goes with its application alone
  freeform_tags         = local.tags

  active_artifact {
    artifact_type = "SIMPLE_DOCKER_ARTIFACT"
    container_uri = local.image
    tag           = var.image_tag
  }
}
