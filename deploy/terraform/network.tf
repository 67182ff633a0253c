# Only the replicas reach the database, and the replicas send to the database and by HTTPS.
resource "oci_core_network_security_group" "application" {
  compartment_id = var.compartment_ocid
  vcn_id         = var.vcn_ocid
  display_name   = "${var.name}-application"
  freeform_tags  = local.tags
}

resource "oci_core_network_security_group" "database" {
  compartment_id = var.compartment_ocid
  vcn_id         = var.vcn_ocid
  display_name   = "${var.name}-database"
  freeform_tags  = local.tags
}

resource "oci_core_network_security_group_security_rule" "application_to_database" {
  network_security_group_id = oci_core_network_security_group.application.id
  description               = "Oracle Database, TLS"
  direction                 = "EGRESS"
  protocol                  = "6"
  destination_type          = "NETWORK_SECURITY_GROUP"
  destination               = oci_core_network_security_group.database.id

  tcp_options {
    destination_port_range {
      min = 1521
      max = 1522
    }
  }
}

resource "oci_core_network_security_group_security_rule" "application_to_services" {
  network_security_group_id = oci_core_network_security_group.application.id
  description               = "OCI's services and the identity domain"
  direction                 = "EGRESS"
  protocol                  = "6"
  destination_type          = "CIDR_BLOCK"
  destination               = "0.0.0.0/0"

  tcp_options {
    destination_port_range {
      min = 443
      max = 443
    }
  }
}

resource "oci_core_network_security_group_security_rule" "database_from_application" {
  network_security_group_id = oci_core_network_security_group.database.id
  description               = "Replicas, TLS"
  direction                 = "INGRESS"
  protocol                  = "6"
  source_type               = "NETWORK_SECURITY_GROUP"
  source                    = oci_core_network_security_group.application.id

  tcp_options {
    destination_port_range {
      min = 1521
      max = 1522
    }
  }
}
