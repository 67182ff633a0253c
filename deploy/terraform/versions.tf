# A stack of OCI Resource Manager; docs/terraform.md says what it makes, in which order, and that it was not applied.
terraform {
  required_version = ">= 1.5.0" # the newest that Resource Manager runs

  required_providers {
    oci = {
      source  = "oracle/oci"
      version = ">= 8.28.0"
    }
  }
}

provider "oci" {
  region = var.region
}

# Dynamic groups, policies and budgets can be changed in the tenancy's home region alone.
provider "oci" {
  alias  = "home"
  region = one([for each in data.oci_identity_region_subscriptions.all.region_subscriptions : each.region_name if each.is_home_region])
}

data "oci_identity_region_subscriptions" "all" {
  tenancy_id = var.tenancy_ocid
}
