"""Managed sources as LangChain retrievers whose every question goes through the governor.

A question is remembered until its run ends, like the answer of a model: a run that is resumed does not ask it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from gateway.catalog import Catalog, ModelEntry
from gateway.governor import Governor
from gateway.ledger.account import current_account
from gateway.planned_call import PlannedCall
from gateway.source_answer import AskSource, SourceAnswer, SourcePassage
from gateway.sync import run_sync
from settings.sources import SourceSettings
from state.errors import ModelUnavailable, SettingsInvalid, SourceUnavailable
from state.values import Usage

if TYPE_CHECKING:
    from gateway.oci_openai.plane import CompatibleModels
    from settings import Settings
    from settings.connections.oci_session import OCISession

AGENTS, VECTOR_STORES = "oci.agents", "oci.vector_stores"
"""Catalogue ids of the two services."""

MOST_SAID_CHARS = 16_000
"""What an agent may write at most, for the reservation: its answer is charged by what it wrote. A chosen value: an
on-demand model writes at most 4,000 tokens."""


class SourceRetriever(BaseRetriever):
    """One managed source. Its documents hold the service's text; `metadata` has `title`, `source`, `document_id` and
    `pages`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    named: str
    declared: SourceSettings
    entry: ModelEntry
    governor: Governor
    ask: AskSource

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        """Return the passages, best first.

        Raises:
            SourceUnavailable: the service did not answer, after all attempts.
            CredentialsRefused: it does not accept the credentials.
            ModelOutputInvalid: its answer is malformed.
            BudgetExceeded: a limit does not cover the call.
        """
        del run_manager
        return await self._found(query)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager
        return run_sync(lambda: self._found(query), self.governor.ledger.finishing.wait)

    async def _found(self, query: str) -> list[Document]:
        try:
            answer = await self.governor.call(self._planned(query))
        except ModelUnavailable as error:
            raise SourceUnavailable(error.message, hint=error.hint) from error
        return [_document(passage) for passage in answer.passages[: self.declared.passages]]

    def _planned(self, query: str) -> PlannedCall[SourceAnswer]:
        account = current_account()
        parts = [account.tenant, account.thread_id, account.run_id, self.named, self.declared.target, query]
        key = hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
        said = MOST_SAID_CHARS if self.declared.kind == "agent" else 0
        return PlannedCall(
            operation="search",
            entry=self.entry,
            account=account,
            key=key,
            most=self._usage(query, said),
            ask=lambda: self.ask(query, key),
            measure=lambda answer: self._usage(query, answer.said_chars),
            dump=SourceAnswer.model_dump_json,
            load=SourceAnswer.model_validate_json,
            attributes={"gen_ai.provider.name": self.entry.provider, "sixplane.source": self.named},
            request_id=lambda answer: answer.request_id,
            sent=[query],
            called=f"the source {self.named!r}",
        )

    def _usage(self, query: str, said: int) -> Usage:
        cost = self.entry.cost(len(query), said)
        return Usage(calls=1, input_chars=len(query), output_chars=said, cost_micro_usd=cost)


def open_sources(
    settings: Settings,
    governor: Governor,
    catalog: Catalog,
    session: OCISession | None,
    compatible: CompatibleModels | None,
) -> Mapping[str, BaseRetriever]:
    """Return the declared sources by name. It blocks, where there are any: it loads their SDKs.

    Raises:
        SettingsInvalid: a source needs a session of OCI, or a region, that is not configured.
    """
    found: dict[str, BaseRetriever] = {}
    for name, declared in settings.sources.items():
        entry = catalog.get(AGENTS if declared.kind == "agent" else VECTOR_STORES)
        ask = _agent(settings, session, name) if declared.kind == "agent" else _store(settings, compatible, name)
        found[name] = SourceRetriever(named=name, declared=declared, entry=entry, governor=governor, ask=ask)
    return found


def _agent(settings: Settings, session: OCISession | None, name: str) -> AskSource:
    from gateway.oci.agents import AgentSource

    if session is None:
        raise _without_session(name)
    return AgentSource(session, name, settings.sources[name].agent, settings.oci.agents_endpoint)


def _store(settings: Settings, compatible: CompatibleModels | None, name: str) -> AskSource:
    from gateway.oci_openai.vector_stores import VectorStoreSource

    if compatible is None:
        raise _without_session(name)
    declared = settings.sources[name]
    return VectorStoreSource(compatible.stores(), name, declared.vector_store, declared.passages)


def _without_session(name: str) -> SettingsInvalid:
    return SettingsInvalid(
        f"the source {name!r} needs a session of OCI", hint="see docs/oci.md#authentication, and set SIXPLANE_OCI__AUTH"
    )


def _document(passage: SourcePassage) -> Document:
    return Document(passage.text, metadata=passage.model_dump(exclude={"text"}))
