"""Makes chat models of OCI Generative AI. Import it only inside functions: the SDK takes seconds to load."""

from __future__ import annotations

from gateway.catalog import ModelEntry
from gateway.ledger.account import CallScope
from gateway.oci.chat import OCIChatModel
from settings.connections.oci_inference import InferenceClients

_PROVIDERS = {"COHERE": "cohere", "COHEREV2": "cohere-v2", "GENERIC": ""}
_FAMILIES = frozenset({"cohere", "google", "meta", "openai"})


def oci_chat_model(clients: InferenceClients, entry: ModelEntry, scope: CallScope, refused: set[str]) -> OCIChatModel:
    """Return the chat model of `entry`, with the temperature and answer length of `scope`."""
    session = clients.session
    family = entry.id.partition(".")[0]
    # Passed explicitly: langchain-oci takes every dedicated endpoint (an OCID) for a generic one, even Cohere's.
    provider = _PROVIDERS.get(entry.api_format) or (family if family in _FAMILIES else "generic")
    return OCIChatModel(
        client=clients,
        model_id=entry.id,
        provider=provider,
        service_endpoint=session.inference_endpoint,  # langchain-oci's asynchronous path fails without it
        compartment_id=session.compartment_id,
        temperature=scope.temperature,
        max_tokens=scope.max_output_tokens,
        refused=refused,
    )
