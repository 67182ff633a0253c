"""Checks of OCI: credentials, models, endpoint and telemetry services.

Only `live` checks make calls that are billed or leave data in the tenancy.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from experience.doctor.health import checked
from experience.doctor.live import check_live_models
from experience.doctor.oci_sinks import SINKS, Sink, Write, open_apm
from experience.doctor.remedies import both_remedies, tried
from experience.doctor.values import HealthCheck
from gateway import Catalog, catalog_of
from gateway.catalog.compatible import OCI_DEPLOYMENT, OCI_OPENAI, on_chosen_surface
from gateway.oci.plane import GUARDRAILS
from gateway.oci_openai.plane import open_compatible
from observability.oci_delivery import reason
from settings import Settings
from settings.connections.oci_session import OCISession, open_oci_session
from settings.tree import asks_oci_openai, standard_oci_file, uses_oci
from state.errors import DependencyUnavailable, ModelUnknown, SettingsInvalid, SixplaneError
from state.money import dollars
from state.values import Role


async def check_oci(settings: Settings, *, live: bool = False) -> tuple[HealthCheck, ...]:
    """Check every OCI service that `settings` use; return no checks if they use none.

    Args:
        settings: the settings.
        live: also ask each model for a few tokens, which is billed, and write one entry to each telemetry service.
    """
    apm = [await checked("oci apm", _apm(settings, live=live))] if settings.oci.apm_endpoint else []
    if not (uses_oci(settings) or asks_oci_openai(settings)):
        return tuple(apm)
    if not uses_oci(settings):  # an API key of Generative AI lets the requests in
        models = await _checked_models(settings, settings.oci.region)
        models.append(await checked("oci openai", _compatible(settings, None)))
        asked = await _live(settings, None, models) if live else []
        return (*models, *asked, *apm)
    try:
        session = await asyncio.to_thread(open_oci_session, settings)
    except SixplaneError as error:
        failed = HealthCheck(name="oci credentials", ok=False, detail=error.message, hint=error.hint)
        return (failed, *await _checked_models(settings, ""), *apm)
    models = await _checked_models(settings, session.region)
    found = HealthCheck(name="oci credentials", ok=True, detail=_described(settings, session))
    asked = []
    if _asks_models(settings):
        asked.append(await checked("oci generative ai", _reached(settings, session)))
        if asks_oci_openai(settings):
            asked.append(await checked("oci openai", _compatible(settings, session)))
        asked += await _live(settings, session, models) if live else []
    sinks = [await checked(sink.name, _sink(settings, session, sink, live=live)) for sink in SINKS]
    return (found, *models, *asked, *sinks, *apm)


async def _live(settings: Settings, session: OCISession | None, models: list[HealthCheck]) -> list[HealthCheck]:
    if not all(check.ok for check in models):
        return []
    region = settings.oci.region if session is None else session.region
    return await check_live_models(settings, session, _chat_models(settings, region))


def _asks_models(settings: Settings) -> bool:
    chat = settings.models.provider == "oci" or asks_oci_openai(settings)
    return bool(chat or settings.data.embeddings == "oci" or settings.oci.rerank_model)


async def _compatible(settings: Settings, session: OCISession | None) -> str:
    """Describe the OpenAI-compatible endpoint: no request of it is free, so only Vault is asked, for the key."""
    compatible = await asyncio.to_thread(open_compatible, settings, session)
    if compatible is None:
        raise SettingsInvalid("OCI's OpenAI-compatible endpoint is not configured", hint="see docs/oci.md")
    return compatible.described()


def _described(settings: Settings, session: OCISession) -> str:
    path, profile = standard_oci_file(settings)
    from_file = settings.oci.auth in ("api_key", "security_token")
    whose = f" of the profile {profile} in {path}" if from_file else ""
    return f"{settings.oci.auth}{whose}; region {session.region}; {urlsplit(session.inference_endpoint).netloc}"


async def _checked_models(settings: Settings, region: str) -> list[HealthCheck]:
    return [await checked("oci models", _models(settings, region))] if _asks_models(settings) else []


async def _models(settings: Settings, region: str) -> str:
    catalog = catalog_of(settings, region=region)
    return "; ".join(_priced(settings, catalog, model, use) for model, use in _used(settings, catalog).items())


def _used(settings: Settings, catalog: Catalog) -> dict[str, str]:
    """Return the use of each configured model: `chat`, `guard`, `embedding` or `rerank`."""
    models, oci = settings.models, settings.oci
    used: dict[str, str] = {}
    if models.provider in ("oci", OCI_OPENAI):
        fallbacks = (model for listed in models.fallbacks.values() for model in listed)
        chosen = (models.roles.get(role) or models.default or catalog.for_role(role, "oci").id for role in Role)
        used = dict.fromkeys((*chosen, *fallbacks), "chat")
        used |= {GUARDRAILS: "guard"} if oci.guardrails and models.provider == "oci" else {}
    if settings.data.embeddings == "oci":
        used[oci.embedding_model] = "embedding"
    if oci.rerank_model:
        used[oci.rerank_model] = "rerank"
    return used


def _chat_models(settings: Settings, region: str) -> list[str]:
    catalog = catalog_of(settings, region=region)
    chats = (model for model, use in _used(settings, catalog).items() if use == "chat")
    return [model for model in chats if catalog.get(model).provider in ("oci", OCI_OPENAI, OCI_DEPLOYMENT)]


def _priced(settings: Settings, catalog: Catalog, model: str, use: str) -> str:
    entry = catalog.get(model)
    if entry.provider == OCI_OPENAI:
        entry = on_chosen_surface(entry, settings)
    # Special uses are capabilities of their own; a chat model is any model without one.
    if not (entry.chats if use == "chat" else use in entry.capabilities):
        raise ModelUnknown(f"{model!r} cannot be used for {use}", hint="`sixplane models` lists the uses of each model")
    entry = catalog.usable(model)  # raises if it cannot be called or has no price: better now than in the first run
    old = f", retires: {entry.retirement}" if entry.retirement else ""
    price = f"{dollars(entry.input_price)}/{dollars(entry.output_price)} USD per {entry.unit_size:,} {entry.unit}"
    return f"{model} for {use} at {price}{old}"


async def _reached(settings: Settings, session: OCISession) -> str:
    """List the guardrail versions: the only call of the inference endpoint that asks no model and is free."""
    from settings.connections.oci_inference import InferenceClients

    clients = InferenceClients(session, name="doctor")
    try:
        data, _ = await tried(clients.call("list_guardrail_versions", "versions", session.compartment_id))
    finally:
        await clients.aclose()
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise DependencyUnavailable(
            "the endpoint did not answer like OCI", hint="check SIXPLANE_OCI__ENDPOINT and any proxy in between"
        )
    versions = {str(item.get("guardrailVersion")) for item in items if isinstance(item, dict)}
    wanted = settings.oci.guardrail_version
    used = settings.models.provider == "oci" and settings.oci.guardrails
    if used and versions and not any(f"{each}.".startswith(f"{wanted}.") for each in versions):
        raise SettingsInvalid(
            f"there is no version {wanted} of the guardrails",
            hint=f"set SIXPLANE_OCI__GUARDRAIL_VERSION to one of {', '.join(sorted(versions))}",
        )
    return f"answers; guardrails {', '.join(sorted(versions)) or 'without named versions'}"


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
        raise DependencyUnavailable(error.message, hint=both_remedies(error, remedy) or error.hint) from error
    except Exception as error:  # the SDK and OTLP raise many classes; each is reported with a hint
        hint = both_remedies(error, remedy) or f"check {remedy}, the region, the network and its proxy"
        raise DependencyUnavailable(reason(error), hint=hint) from error
    return "accepted a test entry"
