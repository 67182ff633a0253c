"""A local OCI: the wire formats, the signatures and the faults of the services that Sixplane calls.

with LocalOCI(answer=lambda call: "Hello", embed="hash") as oci:
    oci.faults.add(Fault("status", status=429, retry_after=1))
    client = GenerativeAiInferenceClient(oci.config, service_endpoint=oci.url)
"""

from tests.doubles.oci.answers import ChatCall, Reply, extractive_answers, forwarded_answers, wanted_schema
from tests.doubles.oci.faults import Fault, Faults, mixed_faults
from tests.doubles.oci.records import Call
from tests.doubles.oci.server import LocalOCI

__all__ = [
    "Call",
    "ChatCall",
    "Fault",
    "Faults",
    "LocalOCI",
    "Reply",
    "extractive_answers",
    "forwarded_answers",
    "mixed_faults",
    "wanted_schema",
]
