"""Does OCI take what the settings say? What is billed or leaves a trace is done with `live` alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from experience.health import checked
from experience.models import HealthCheck
from experience.oci_sinks import SINKS, Sink, Write, open_apm
from gateway import CallScope, Catalog, Gateway, Governor, Ledger, load_catalog
from gateway.account import Account, accounted
from gateway.failures import classify
from gateway.oci_plane import GUARDRAILS, OCIModels
from observability.oci_delivery import reason
from retrieval import load_embeddings
from settings import Settings
from settings.oci_session import OCISession, open_oci_session
from settings.tree import standard_oci_file, uses_oci
from state.channels import ResearchContext
from state.errors import DependencyUnavailable, ModelUnknown, SettingsInvalid, SixplaneError
from state.values import Role

TENANT = "local"
LIVE_TOKENS = 16
"""Of the answer that `live` asks for."""

_LIVE_SECONDS = 30.0
_POLICY = "allow group … to use generative-ai-family in compartment …"
_SPECIAL = frozenset({"embedding", "rerank", "guard"})

Result = TypeVar("Result")


async def check_oci(settings: Settings, *, live: bool = False) -> tuple[HealthCheck, ...]:
    """Return the checks of everything that `settings` use of OCI, none where they use nothing.

    Args:
        settings: what is configured.
        live: also ask each model for a few tokens, which is billed, and write one entry to each telemetry service.
    """
    apm = [await checked("oci apm", _apm(settings, live=live))] if settings.oci.apm_endpoint else []
    if not uses_oci(settings):
        return tuple(apm)
    models = [await checked("oci models", _models(settings))] if _asks_models(settings) else []
    try:
        session = await asyncio.to_thread(open_oci_session, settings)
    except SixplaneError as error:
        failed = HealthCheck(name="oci credentials", ok=False, detail=error.message, hint=error.hint)
        return (failed, *models, *apm)
    found = HealthCheck(name="oci credentials", ok=True, detail=_described(settings, session))
    asked: list[HealthCheck] = []
    if _asks_models(settings):
        asked.append(await checked("oci generative ai", _reached(settings, session)))
        if live and all(check.ok for check in models):
            asked += await _live_models(settings, session)
    sinks = [await checked(sink.name, _sink(settings, session, sink, live=live)) for sink in SINKS]
    return (found, *models, *asked, *sinks, *apm)


def _asks_models(settings: Settings) -> bool:
    return bool(settings.models.provider == "oci" or settings.data.embeddings == "oci" or settings.oci.rerank_model)


def _described(settings: Settings, session: OCISession) -> str:
    path, profile = standard_oci_file(settings)
    from_file = settings.oci.auth in ("api_key", "security_token")
    whose = f" of the profile {profile} in {path}" if from_file else ""
    return f"{settings.oci.auth}{whose}; region {session.region}; {urlsplit(session.inference_endpoint).netloc}"


async def _models(settings: Settings) -> str:
    catalog = load_catalog(prices=settings.models.prices_micro_usd)
    return "; ".join(_priced(catalog, model, use) for model, use in _used(settings, catalog).items())


def _used(settings: Settings, catalog: Catalog) -> dict[str, str]:
    """Return what each model is used for."""
    models, oci = settings.models, settings.oci
    used: dict[str, str] = {}
    if models.provider == "oci":
        fallbacks = (model for chosen in models.fallbacks.values() for model in chosen)
        default = models.default or catalog.for_use_case("general", "oci").id
        used = dict.fromkeys((default, *models.roles.values(), *fallbacks), "chat")
        used |= {GUARDRAILS: "guard"} if oci.guardrails else {}
    if settings.data.embeddings == "oci":
        used[oci.embedding_model] = "embedding"
    if oci.rerank_model:
        used[oci.rerank_model] = "rerank"
    return used


def _priced(catalog: Catalog, model: str, use: str) -> str:
    entry = catalog.get(model)
    if use not in entry.capabilities if use in _SPECIAL else _SPECIAL & set(entry.capabilities):
        raise ModelUnknown(f"{model!r} cannot be used for {use}", hint="`sixplane models` lists what each is for")
    entry.cost(0, 0)
    old = ", deprecated" if "deprecated" in entry.capabilities else ""
    return f"{model} for {use} at {entry.input_price}/{entry.output_price} per {entry.unit_size:,} {entry.unit}{old}"


async def _reached(settings: Settings, session: OCISession) -> str:
    """List the versions of guardrails: the one call of the inference endpoint that asks no model."""
    from settings.oci_inference import InferenceClients

    clients = InferenceClients(session, name="doctor")
    try:
        data, _ = await _tried(clients.call("list_guardrail_versions", session.compartment_id), _POLICY)
    finally:
        await clients.aclose()
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise DependencyUnavailable(
            "something else than OCI answered", hint="check SIXPLANE_OCI__ENDPOINT and the proxy in between"
        )
    versions = {str(item.get("guardrailVersion")) for item in items if isinstance(item, dict)}
    wanted = settings.oci.guardrail_version
    used = settings.models.provider == "oci" and settings.oci.guardrails
    if used and versions and not any(f"{each}.".startswith(f"{wanted}.") for each in versions):
        raise SettingsInvalid(
            f"there is no version {wanted} of guardrails",
            hint=f"set SIXPLANE_OCI__GUARDRAIL_VERSION to one of {', '.join(sorted(versions))}",
        )
    return f"answers; guardrails {', '.join(sorted(versions)) or 'of no named version'}"


async def _sink(settings: Settings, session: OCISession, sink: Sink, *, live: bool) -> str:
    if not getattr(settings.oci, sink.setting):
        return f"not configured ({sink.variable})"
    return await _entry(sink.open(settings, session), f"{sink.variable}, and that a policy says `{sink.policy}`", live)


async def _apm(settings: Settings, *, live: bool) -> str:
    return await _entry(open_apm(settings), "SIXPLANE_OCI__APM_ENDPOINT", live)


async def _entry(write: Write, remedy: str, live: bool) -> str:
    if not live:
        return "configured; `--live` writes one test entry"
    try:
        await write()
    except SixplaneError as error:
        raise DependencyUnavailable(error.message, hint=_both(error, remedy) or error.hint) from error
    except Exception as error:
        hint = _both(error, remedy) or f"check {remedy}, the region, the network and its proxy"
        raise DependencyUnavailable(reason(error), hint=hint) from error
    return "took a test entry"


async def _tried(work: Awaitable[Result], policy: str) -> Result:
    """Return what `work` returns. Raises `DependencyUnavailable` with the remedies of what went wrong."""
    try:
        return await work
    except SixplaneError as error:
        remedy = _both(
            error, f"SIXPLANE_OCI__COMPARTMENT_ID, that the region has the model, and that a policy says `{policy}`"
        )
        raise DependencyUnavailable(error.message, hint=remedy or error.hint) from error
    except Exception as error:
        failure = classify(error)
        if failure is None:
            raise
        remedy = _both(
            error, f"SIXPLANE_OCI__COMPARTMENT_ID, that the region has it, and that a policy says `{policy}`"
        )
        raise DependencyUnavailable(failure.reason, hint=remedy or failure.hint) from error


def _both(error: BaseException, remedy: str) -> str:
    """Return the remedies of a refusal: OCI answers 401 and 404 to a wrong key and to a missing policy alike."""
    cause: BaseException | None = error
    while cause is not None:
        if getattr(cause, "status", None) in (401, 404):
            return (
                f"check the key, its fingerprint and this machine's clock; and check {remedy}: "
                "OCI answers 401 and 404 alike for either, see docs/oci.md"
            )
        cause = cause.__cause__
    return ""


@dataclass(frozen=True)
class _Live:
    """What the models are asked with, each attempt once and on an account of its own."""

    settings: Settings
    gateway: Gateway
    oci: OCIModels
    ledger: Ledger
    account: Account

    async def chat(self) -> str:
        model = self.gateway.model_id(Role.WRITER, ResearchContext())
        scope = CallScope(
            TENANT, self.account.run_id, "doctor", "doctor", 1, Role.WRITER, model, max_output_tokens=LIVE_TOKENS
        )
        await _tried(self.gateway.chat_model(scope).ainvoke("Say OK."), _POLICY)
        return f"{model} answers"

    async def embeddings(self) -> str:
        vector = await _tried(self.oci.embeddings().aembed_query("OK"), _POLICY)
        return f"{self.settings.oci.embedding_model} gives {len(vector)} dimensions"

    async def rerank(self) -> str:
        from langchain_core.documents import Document

        reranker = self.oci.reranker()
        if reranker is not None:
            await _tried(reranker.acompress_documents([Document("OK")], "OK"), _POLICY)
        return f"{self.settings.oci.rerank_model} answers"

    async def guardrails(self) -> str:
        guardrails = self.oci.guardrails()
        if guardrails is not None:
            await _tried(guardrails("OK"), _POLICY)
        return f"version {self.settings.oci.guardrail_version} answers"

    async def cost(self) -> str:
        usage = await self.ledger.usage(TENANT, self.account.run_id)
        return f"{usage.calls} calls for {usage.cost_micro_usd} micro-dollars"


async def _live_models(settings: Settings, session: OCISession) -> list[HealthCheck]:
    async with _opened(settings, session) as live:
        wanted = {
            "oci chat": (live.chat, settings.models.provider == "oci"),
            "oci guardrails": (live.guardrails, settings.models.provider == "oci" and settings.oci.guardrails),
            "oci embeddings": (live.embeddings, settings.data.embeddings == "oci"),
            "oci rerank": (live.rerank, bool(settings.oci.rerank_model)),
        }
        checks = [await checked(name, ask()) for name, (ask, used) in wanted.items() if used]
        return [*checks, await checked("oci cost of these checks", live.cost())]


@asynccontextmanager
async def _opened(settings: Settings, session: OCISession) -> AsyncIterator[_Live]:
    brief = {"max_attempts": 1, "deadline_seconds": min(settings.models.deadline_seconds, _LIVE_SECONDS)}
    hasty = settings.model_copy(update={"models": settings.models.model_copy(update=brief)})
    ledger = Ledger(hasty)
    governor = Governor(hasty, ledger)
    oci = OCIModels(hasty, session, governor, load_catalog(prices=settings.models.prices_micro_usd))
    gateway = Gateway(hasty, ledger=ledger, embeddings=load_embeddings(hasty), oci=oci, governor=governor)
    account = Account(TENANT, f"doctor-{uuid.uuid4().hex[:12]}", "doctor")
    try:
        with accounted(account):
            yield _Live(hasty, gateway, oci, ledger, account)
    finally:
        await oci.aclose()
        await ledger.end_run(TENANT, account.run_id)
        await ledger.aclose()
