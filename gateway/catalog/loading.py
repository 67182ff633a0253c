"""The packaged catalogue, with the models that the settings declare."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Any

from gateway.catalog.catalog import Catalog, today_utc
from gateway.catalog.compatible import deployment_entries
from gateway.catalog.entries import ModelEntry
from state.errors import SettingsInvalid

if TYPE_CHECKING:
    from settings import Settings
    from settings.declared import DeclaredModel

_CAPABILITIES = {"chat": ("structured", "tools", "stream"), "embedding": ("embedding",), "rerank": ("rerank",)}
_FORMATS = {"embedding": "EMBED", "rerank": "RERANK"}
_SOURCE = "declared in the settings"


def catalog_of(settings: Settings, *, extra: Iterable[str] = (), region: str = "") -> Catalog:
    """Return the packaged catalogue with the prices, models and deployments of `settings`.

    For the other arguments and the errors see `load_catalog`.
    """
    models, deployments = settings.models, deployment_entries(settings)
    return load_catalog(
        prices=models.prices_micro_usd, declared=models.declared, extra=extra, further=deployments, region=region
    )


def load_catalog(
    *,
    prices: Mapping[str, tuple[int, int]],
    declared: Mapping[str, DeclaredModel] | None = None,
    extra: Iterable[str] = (),
    further: Iterable[ModelEntry] = (),
    region: str = "",
    today: Callable[[], date] = today_utc,
) -> Catalog:
    """Return the packaged catalogue.

    Args:
        prices: prices by model id; they override those of the catalogue.
        declared: models of the settings; they override the catalogue's entries, and what it knows of their retirement.
        extra: models that the caller supplies itself, free unless in `prices`.
        further: entries that come before those of the catalogue.
        region: the identifier of the tenancy's region.
        today: the clock that decides what is retired.

    Raises:
        SettingsInvalid: a declared model is said to be like one that the catalogue does not have, or is billed by
            searches and no reranker.
    """
    table = tomllib.loads(resources.files("gateway.catalog").joinpath("models.toml").read_text(encoding="utf-8"))
    entries = [ModelEntry.model_validate(entry) for entry in table["model"]]
    known = {entry.id: entry for entry in entries}
    made = [_entry(model_id, model, known) for model_id, model in (declared or {}).items()]
    use_cases = table["use_cases"]
    listed = [*made, *further, *entries]
    as_of = max(date.fromisoformat(entry.date) for entry in entries)
    return Catalog(listed, prices=prices, extra=extra, use_cases=use_cases, region=region, today=today, as_of=as_of)


def _entry(model_id: str, model: DeclaredModel, known: Mapping[str, ModelEntry]) -> ModelEntry:
    """Return the entry of a declared model: what it says itself, else what holds for the model that it is like."""
    if model.like and model.like not in known:
        raise SettingsInvalid(
            f"`models.declared.{model_id}` is like {model.like!r}, which the catalogue does not have",
            hint="`sixplane models` lists the models",
        )
    like = known.get(model.like)
    price = {"input_price": model.price_micro_usd[0], "output_price": model.price_micro_usd[1]}
    said: dict[str, Any] = {
        "api_format": _FORMATS.get(model.use, model.api_format),
        "context_window": model.context_tokens,
        "output_cap": model.output_tokens if model.use == "chat" else 0,
        "unit": model.unit,
        "capabilities": _CAPABILITIES[model.use],
        "surfaces": model.surfaces,
    }
    if like is not None:
        names = {"context_tokens": "context_window", "output_tokens": "output_cap", "use": "capabilities"}
        given = {names.get(field, field) for field in model.model_fields_set}
        said = {field: value if field in given else getattr(like, field) for field, value in said.items()}
    if said["unit"] == "searches" and "rerank" not in said["capabilities"]:
        raise SettingsInvalid(
            f"`models.declared.{model_id}` is billed by searches, which only rerankers are",
            hint="set its `unit` to `tokens` or `characters`, or its `use` to `rerank`",
        )
    return ModelEntry(id=model_id, provider="oci", source=_SOURCE, date=today_utc().isoformat(), **price, **said)
