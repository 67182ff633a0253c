# Resource Manager fills in the first three. schema.yaml describes all of them for its form.
variable "tenancy_ocid" {
  type        = string
  description = "OCID of the tenancy, which dynamic group and budget belong to."
}

variable "compartment_ocid" {
  type        = string
  description = "OCID of the compartment that everything else is made in, and that is charged."
}

variable "region" {
  type        = string
  description = "Region with OCI Generative AI and hosted applications, such as us-chicago-1."
}

variable "name" {
  type        = string
  default     = "sixplane"
  description = "Prefix of all names."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "The name begins with a letter and has 2 to 21 lower-case letters, digits and hyphens."
  }
}

variable "vcn_ocid" {
  type        = string
  description = "OCID of the network of the two subnets."
}

variable "application_subnet_ocid" {
  type        = string
  description = "OCID of a private subnet with a route to Oracle's services: the replicas send from here."
}

variable "database_subnet_ocid" {
  type        = string
  description = "OCID of a private subnet for the database's endpoint."
}

variable "database_version" {
  type        = string
  default     = "26ai"
  description = "Version of the Autonomous Database; Sixplane needs 23ai or later."
}

variable "database_ecpus" {
  type        = number
  default     = 2
  description = "ECPUs of the Autonomous Database; it grows to three times as many by itself."

  validation {
    condition     = var.database_ecpus >= 2
    error_message = "An Autonomous Database has at least 2 ECPUs."
  }
}

variable "database_storage_gb" {
  type        = number
  default     = 50
  description = "Gigabytes of the Autonomous Database."
}

variable "image_tag" {
  type        = string
  default     = ""
  description = "Tag of the image in the repository that this stack makes. Empty: no deployment yet."

  validation {
    condition     = var.image_tag != "latest"
    error_message = "Name a version: nobody can tell which image `latest` was."
  }
}

variable "min_replicas" {
  type        = number
  default     = 1
  description = "Replicas that always run."
}

variable "max_replicas" {
  type        = number
  default     = 3
  description = "Replicas at most."

  validation {
    condition     = var.max_replicas >= 1
    error_message = "At least one replica is needed."
  }
}

variable "requests_per_replica" {
  type        = number
  default     = 8
  description = "Requests at a time above which a replica is added; `server.max_running` is 8."
}

variable "inbound_auth" {
  type        = string
  default     = "IDENTITY_DOMAIN"
  description = "IDENTITY_DOMAIN: OCI and Sixplane check tokens of the domain. NONE: Sixplane alone checks its API keys."

  validation {
    condition     = contains(["IDENTITY_DOMAIN", "NONE"], var.inbound_auth)
    error_message = "IDENTITY_DOMAIN or NONE."
  }
}

variable "identity_domain_url" {
  type        = string
  default     = ""
  description = "URL of the identity domain, such as https://idcs-….identity.oraclecloud.com:443."
}

variable "token_issuer" {
  type        = string
  default     = "https://identity.oraclecloud.com/"
  description = "The `iss` of the domain's tokens."
}

variable "token_audience" {
  type        = string
  default     = "sixplane"
  description = "Primary audience of the domain's application."
}

variable "token_scope" {
  type        = string
  default     = "invoke"
  description = "Scope that a token must have."
}

variable "apm_free_tier" {
  type        = bool
  default     = true
  description = "Whether the domain of Application Performance Monitoring is one of the Always Free ones."
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "Days that log lines are kept: 30, 60, 90, 120, 150 or 180."

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180], var.log_retention_days)
    error_message = "30, 60, 90, 120, 150 or 180."
  }
}

variable "alert_email" {
  type        = string
  default     = ""
  description = "Who hears of budgets. Empty: nobody by mail; the topic takes other subscriptions."
}

variable "monthly_budget" {
  type        = number
  default     = 500
  description = "Budget of the compartment for a month, in the tenancy's currency."
}
