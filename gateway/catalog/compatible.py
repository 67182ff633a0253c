"""Entries of models that OCI serves on OpenAI's APIs: on its compatible endpoint, and in Data Science deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.catalog.entries import ModelEntry, Surface
from state.errors import ModelNotServed, ModelUnknown

if TYPE_CHECKING:
    from settings import Settings
    from settings.oci_compatible import DeploymentSettings

OCI_OPENAI, OCI_DEPLOYMENT = "oci-openai", "oci-deployment"
"""Providers; before a colon, they begin the ids of their models."""

CHAT, RESPONSES = "chat.completions", "responses"
"""The `api_format` of a model behind an OpenAI-compatible endpoint: the API on which it is asked."""

_SURFACES: dict[Surface, str] = {"chat_completions": CHAT, "responses": RESPONSES}
_CHOSEN = {"chat": CHAT, "responses": RESPONSES}
_DATE = "2026-11-28"


def compatible_entry(native: ModelEntry, model_id: str) -> ModelEntry:
    """Return the entry of `oci-openai:NAME`: the model is the same, and so are its price and its limits.

    Raises:
        ModelUnknown: `native` is no model of OCI, so that its price says nothing about a call there.
        ModelNotServed: the model answers on OCI's own API only.
    """
    if native.provider != "oci":
        raise ModelUnknown(
            f"there is no model {model_id!r}: {native.id!r} is not a model of OCI",
            hint="`sixplane models` lists the models; put `oci-openai:` before the name of one of OCI's",
        )
    formats = [_SURFACES[each] for each in native.surfaces if each in _SURFACES]
    if native.surfaces and not formats:
        raise ModelNotServed(
            f"the model {native.id!r} does not answer on OCI's OpenAI-compatible endpoint",
            hint=f"use `{native.id}`, on OCI's own API",
        )
    instead = f"{OCI_OPENAI}:{native.replacement}" if native.replacement else ""
    named = {"id": model_id, "provider": OCI_OPENAI, "replacement": instead}
    return native.model_copy(update={**named, "api_format": formats[0] if formats else CHAT})


def on_chosen_surface(entry: ModelEntry, settings: Settings) -> ModelEntry:
    """Return the entry with the API that the settings choose.

    Raises:
        ModelNotServed: the model does not answer on that API.
    """
    chosen = _CHOSEN.get(settings.oci.openai.surface, entry.api_format)
    if entry.surfaces and chosen not in [_SURFACES.get(each) for each in entry.surfaces]:
        raise ModelNotServed(
            f"the model {entry.id!r} does not answer on the API `{chosen}`",
            hint="set SIXPLANE_OCI__OPENAI__SURFACE=auto, or choose another model",
        )
    return entry.model_copy(update={"api_format": chosen})


def deployment_entries(settings: Settings) -> list[ModelEntry]:
    """Return the entries of `oci-deployment:NAME`, one for each deployment that `settings` declare."""
    longest = settings.models.timeout_seconds
    return [_deployment_entry(name, each, longest) for name, each in settings.oci.deployments.items()]


def _deployment_entry(name: str, deployment: DeploymentSettings, longest_seconds: float) -> ModelEntry:
    by_token, hour = deployment.token_prices_micro_usd, deployment.hour_price_micro_usd
    price = by_token or ((hour, 0) if hour is not None else (None, None))
    return ModelEntry(
        id=f"{OCI_DEPLOYMENT}:{name}",
        provider=OCI_DEPLOYMENT,
        api_format=CHAT,
        context_window=deployment.context_tokens,
        output_cap=deployment.output_tokens,
        unit="tokens" if hour is None else "milliseconds",
        longest_ms=round(longest_seconds * 1000),  # what is reserved: no call takes longer
        input_price=price[0],
        output_price=price[1],
        capabilities=("structured", "stream"),
        source=f"declared as `oci.deployments.{name}` in the settings",
        date=_DATE,
    )
