"""Hosted applications of OCI Generative AI: see `service`."""

from tests.doubles.oci.hosting.names import OPEN_INVOKE, ROUTES, SIGNED_INVOKE, operation
from tests.doubles.oci.hosting.service import Hosting

__all__ = ["OPEN_INVOKE", "ROUTES", "SIGNED_INVOKE", "Hosting", "operation"]
