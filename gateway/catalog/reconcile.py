"""Compares the catalogue with the models that a tenancy really has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from gateway.catalog.catalog import Catalog
from gateway.catalog.entries import SERVICES, ModelEntry
from state.values import Value

Kind = Literal["retired", "retires", "elsewhere", "unknown", "new", "missing"]
_ENDPOINT = "ocid1.generativeaiendpoint."
_DECLARE = "declare it under `[models.declared]` to use it"


class TenancyModel(Value):
    """A model as the tenancy lists it.

    `name` is the id that calls send: a base model's name, a custom model's OCID. `regions` are those that serve it on
    demand, as far as the tenancy says so; `here` says whether the tenancy's own region lists it at all.
    """

    name: str
    here: bool = True
    custom: bool = False
    created: dt.datetime | None = None
    retires: dt.datetime | None = None
    regions: tuple[str, ...] = ()
    replacements: tuple[str, ...] = ()


class Finding(Value):
    """What the catalogue and the tenancy say differently about a model."""

    kind: Kind
    model: str
    detail: str


def reconciled(catalog: Catalog, found: Iterable[TenancyModel]) -> list[Finding]:
    """Return what the tenancy knows otherwise than the catalogue, by model.

    - `retired`: the tenancy no longer serves it on demand; `retires`: from a day that lies ahead.
    - `elsewhere`: it is served in other regions only.
    - `unknown`: the catalogue does not have it; `new`: nor could it, since it was released after the catalogue's date.
    - `missing`: the catalogue has it, and the tenancy lists it nowhere.
    """
    models = {model.name: model for model in found}
    told = [finding for model in models.values() for finding in _of(catalog, model)]
    return sorted([*told, *_missing(catalog, models)], key=lambda finding: (finding.model, finding.kind))


def _of(catalog: Catalog, model: TenancyModel) -> Iterator[Finding]:
    entry = _entry(catalog, model.name)
    if entry is None:
        yield _unheard_of(catalog, model)
    today = catalog.today()
    day = model.retires.date() if model.retires else None
    if day is not None and (entry is None or entry.retires != day):
        instead = [*model.replacements, *([entry.replacement] if entry is not None else [])]
        use = f"; use {instead[0]} instead" if instead and instead[0] else ""
        word: Kind = "retired" if day < today else "retires"
        yield Finding(kind=word, model=model.name, detail=f"the tenancy says on {day}{use}")
    if not model.here and model.regions:
        yield Finding(
            kind="elsewhere",
            model=model.name,
            detail=f"not in {catalog.region or 'this region'}, but in {', '.join(model.regions)}",
        )


def _unheard_of(catalog: Catalog, model: TenancyModel) -> Finding:
    if model.custom:
        return Finding(kind="unknown", model=model.name, detail=f"a model of your own; {_DECLARE}")
    if model.created is not None and model.created.date() > catalog.as_of:
        return Finding(kind="new", model=model.name, detail=f"released on {model.created.date()}; {_DECLARE}")
    return Finding(kind="unknown", model=model.name, detail=f"the catalogue does not have it; {_DECLARE}")


def _missing(catalog: Catalog, models: Mapping[str, TenancyModel]) -> Iterator[Finding]:
    for entry in catalog.listed():
        # The tenancy lists models: neither other services, nor the endpoints of dedicated clusters, which the settings
        # may declare.
        a_model = SERVICES.isdisjoint(entry.capabilities)
        listed = a_model and "*" not in entry.id and not entry.id.startswith(_ENDPOINT)
        sold = entry.provider == "oci" and listed
        if sold and entry.id not in models and not entry.retired(catalog.today()):
            use = f"; use {entry.replacement} instead" if entry.replacement else ""
            yield Finding(kind="missing", model=entry.id, detail=f"the tenancy does not list it{use}")


def _entry(catalog: Catalog, name: str) -> ModelEntry | None:
    return next((entry for entry in catalog.entries if entry.id == name), None)
