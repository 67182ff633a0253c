"""Asks each configured OCI model once, with a short question. `sixplane doctor --live` is billed for it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from langchain_core.documents import Document

from experience.doctor.health import checked
from experience.doctor.remedies import tried
from experience.doctor.values import HealthCheck
from gateway import CallScope, Gateway, Governor, Ledger, catalog_of
from gateway.classification import classify
from gateway.ledger.account import Account, accounted
from gateway.oci.plane import OCIModels
from gateway.oci_openai.plane import open_compatible
from retrieval import load_embeddings
from settings import Settings
from settings.connections.oci_session import OCISession
from state.errors import SettingsInvalid
from state.money import dollars
from state.values import Role

TENANT = "local"
LIVE_TOKENS = 16
"""The longest answer that a chat model may give to the test question."""

_LIVE_SECONDS = 30.0
"""The deadline of one test call. A chosen value: longer than a cold model needs, short enough to wait for."""


async def check_live_models(settings: Settings, session: OCISession | None, chats: Sequence[str]) -> list[HealthCheck]:
    """Ask the chat models `chats` and every other configured model once, and report what the calls cost."""
    async with _opened(settings, session) as live:
        checks = [await checked(f"oci chat {model}", live.chat(model)) for model in chats]
        wanted = {
            "oci guardrails": (live.guardrails, settings.models.provider == "oci" and settings.oci.guardrails),
            "oci embeddings": (live.embeddings, settings.data.embeddings == "oci"),
            "oci rerank": (live.rerank, bool(settings.oci.rerank_model)),
        }
        checks += [await checked(name, ask()) for name, (ask, used) in wanted.items() if used]
        return [*checks, await checked("oci cost of these checks", live.cost())]


@dataclass(frozen=True)
class _Live:
    """The clients for the test calls. Calls are not retried, and the ledger accounts them as one run."""

    settings: Settings
    gateway: Gateway
    oci: OCIModels | None
    ledger: Ledger
    account: Account

    async def chat(self, model: str) -> str:
        scope = CallScope(
            TENANT, self.account.run_id, "doctor", "doctor", 1, Role.WRITER, model, max_output_tokens=LIVE_TOKENS
        )
        await tried(self.gateway.chat_model(scope).ainvoke("Say OK."))
        return "answers"

    async def embeddings(self) -> str:
        oci = self._session()
        vector = await tried(oci.embeddings().aembed_query("OK"))
        return f"{self.settings.oci.embedding_model} gives {len(vector)} dimensions"

    async def rerank(self) -> str:
        reranker = self._session().reranker()
        if reranker is not None:
            await tried(reranker.acompress_documents([Document("OK")], "OK"))
        return f"{self.settings.oci.rerank_model} answers"

    async def guardrails(self) -> str:
        guardrails = self._session().guardrails()
        if guardrails is not None:
            await tried(guardrails("OK"))
        return f"version {self.settings.oci.guardrail_version} answers"

    def _session(self) -> OCIModels:
        if self.oci is None:
            raise SettingsInvalid("this needs credentials of OCI", hint="set SIXPLANE_OCI__AUTH, see docs/oci.md")
        return self.oci

    async def cost(self) -> str:
        usage = await self.ledger.usage(TENANT, self.account.run_id)
        return f"{usage.calls} calls for {dollars(usage.cost_micro_usd)} USD"


@asynccontextmanager
async def _opened(settings: Settings, session: OCISession | None) -> AsyncIterator[_Live]:
    # One attempt: a check must show the first error, not the last of many retries.
    brief = {"max_attempts": 1, "deadline_seconds": min(settings.models.deadline_seconds, _LIVE_SECONDS)}
    hasty = settings.model_copy(update={"models": settings.models.model_copy(update=brief)})
    ledger = Ledger(hasty)
    governor = Governor(hasty, ledger, classify)
    oci = None if session is None else OCIModels(hasty, session, governor, catalog_of(settings))
    compatible = await asyncio.to_thread(open_compatible, hasty, session)
    embeddings = load_embeddings(hasty)
    gateway = Gateway(hasty, ledger=ledger, embeddings=embeddings, oci=oci, compatible=compatible, governor=governor)
    account = Account(TENANT, f"doctor-{uuid.uuid4().hex[:12]}", "doctor")
    try:
        with accounted(account):
            yield _Live(hasty, gateway, oci, ledger, account)
    finally:
        for plane in (oci, compatible):
            if plane is not None:
                await plane.aclose()
        await ledger.end_run(TENANT, account.run_id)
        await ledger.aclose()
