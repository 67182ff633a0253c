"""A local OCI: the wire formats, the signatures and the faults of the services that Sixplane calls."""

from tests.doubles.oci.answers import ChatCall, Reply, extractive_answers, forwarded_answers
from tests.doubles.oci.faults import Fault
from tests.doubles.oci.server import LocalOCI

__all__ = ["ChatCall", "Fault", "LocalOCI", "Reply", "extractive_answers", "forwarded_answers"]
