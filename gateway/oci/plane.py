"""The entry point to OCI's models. Importing this module does not import the SDK; making a model does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import BaseModel

from gateway.catalog import Catalog, ModelEntry
from gateway.ledger.account import CallScope
from gateway.replies.reply import hear
from gateway.retirement import notice_retirement
from state.errors import ModelUnknown

if TYPE_CHECKING:
    from gateway.governor import Governor
    from gateway.oci.guardrails import OCIGuardrailCalls
    from settings import Settings
    from settings.connections.oci_inference import InferenceClients
    from settings.connections.oci_session import OCISession

GUARDRAILS = "oci.guardrails"
"""Catalogue id of OCI Guardrails."""


class OCIPlane(Protocol):
    """Makes chat models of OCI. A port, so that tests can supply their own."""

    def chat_model(self, entry: ModelEntry, scope: CallScope, refused: set[str]) -> BaseChatModel:
        """Return the model of `entry`; `refused` are the parameters that it has refused so far."""
        ...


class OCIModels:
    """The models of one session, which share its connections and one governor."""

    def __init__(self, settings: Settings, session: OCISession, governor: Governor, catalog: Catalog) -> None:
        from settings.connections.oci_inference import InferenceClients

        self._settings, self._governor, self._catalog = settings, governor, catalog
        self._clients: InferenceClients = InferenceClients(session, seen=_seen)

    def chat_model(self, entry: ModelEntry, scope: CallScope, refused: set[str]) -> BaseChatModel:
        """Return the chat model of `entry`."""
        from gateway.oci.models import oci_chat_model

        return oci_chat_model(self._clients, entry, scope, refused)

    def embeddings(self) -> Embeddings:
        """Return the configured embeddings.

        Raises:
            ModelUnknown: the configured model cannot embed.
            ModelRetired: OCI no longer serves it.
            ModelNotServed: the tenancy's region does not serve it.
            PriceUnknown: the catalogue has no price for it.
        """
        from gateway.oci.embeddings import OCIEmbeddings

        entry = self._entry(self._settings.oci.embedding_model, "embedding")
        return OCIEmbeddings(self._clients, self._governor, entry, dimensions=self._settings.oci.embedding_dimensions)

    def reranker(self) -> BaseDocumentCompressor | None:
        """Return the configured reranker, `None` if none is configured."""
        from gateway.oci.rerank import OCIReranker

        if not self._settings.oci.rerank_model:
            return None
        entry = self._entry(self._settings.oci.rerank_model, "rerank")
        return OCIReranker(clients=self._clients, governor=self._governor, entry=entry)

    def guardrails(self) -> OCIGuardrailCalls | None:
        """Return the calls to OCI Guardrails, `None` if they are switched off."""
        from gateway.oci.guardrails import OCIGuardrailCalls

        if not self._settings.oci.guardrails:
            return None
        entry = self._entry(GUARDRAILS, "guard")
        return OCIGuardrailCalls(self._clients, self._governor, entry, self._settings.oci)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._clients.aclose()

    def _entry(self, model: str, capability: str) -> ModelEntry:
        if capability not in self._catalog.get(model).capabilities:
            raise ModelUnknown(
                f"{model!r} cannot be used for {capability}", hint="`sixplane models` shows what each model is for"
            )
        return self._catalog.usable(model)  # what cannot be called is refused here, before a run


def _seen(model: str, headers: Mapping[str, str]) -> None:
    hear(headers)
    notice_retirement(model, headers)


async def ask_oci(
    model: BaseChatModel, messages: list[BaseMessage], entry: ModelEntry, schema: type[BaseModel]
) -> AIMessage:
    """Return the answer of an OCI model; the request asks for `schema` if the model supports structured output."""
    if "structured" not in entry.capabilities:
        return await model.ainvoke(messages)
    wanted = model.response_format(schema)  # type: ignore[attr-defined]  # an `OCIChatModel`, which is slow to import
    return await model.ainvoke(messages, response_format=wanted)
