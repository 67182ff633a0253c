"""Making the models of OCI Generative AI. Imported only where they are used: the SDK takes seconds to load."""

from __future__ import annotations

from gateway.catalog import ModelEntry
from gateway.ledger.account import CallScope
from gateway.oci.chat import OCIChatModel
from settings.connections.oci_inference import InferenceClients

_PROVIDERS = {"COHERE": "cohere", "COHEREV2": "cohere", "GENERIC": ""}
_FAMILIES = frozenset({"cohere", "google", "meta", "openai"})


def oci_chat_model(clients: InferenceClients, entry: ModelEntry, scope: CallScope, refused: set[str]) -> OCIChatModel:
    """Return the chat model of `entry`, for the answers that `scope` asks for."""
    session = clients.session
    family = entry.id.partition(".")[0]
    provider = _PROVIDERS.get(entry.api_format) or (family if family in _FAMILIES else "generic")
    return OCIChatModel(
        client=clients,
        model_id=entry.id,
        provider=provider,
        service_endpoint=session.inference_endpoint,
        compartment_id=session.compartment_id,
        temperature=scope.temperature,
        max_tokens=scope.max_output_tokens,
        refused=refused,
    )
