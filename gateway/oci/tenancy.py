"""The models of a tenancy, as the management API of Generative AI lists them. Import it inside functions: it is slow.

`list_models` knows the region's models, the tenancy's own among them; `list_model_discovery` knows the base models of
all regions. Neither asks a model, and neither is billed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from oci.generative_ai import GenerativeAiClient
from oci.util import to_dict
from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway.catalog.reconcile import TenancyModel
from gateway.oci.pages import PROXY, all_pages
from settings.connections.oci_session import OCISession
from state.errors import DependencyUnavailable

_NAME = re.compile(r"[a-z0-9-]+\.[a-z0-9][\w.-]*")
"""What calls send as a model's id: maker and model. A base model has it as its display name, or as its id."""


class _Listed(BaseModel):
    id: str
    display_name: str | None = None
    type: str | None = None
    time_created: dt.datetime | None = None
    time_on_demand_retired: dt.datetime | None = None


class _Availability(BaseModel):
    region: str
    serving_modes: list[str] | None = None
    time_on_demand_retired: dt.datetime | None = None
    supported_replacements: list[str] | None = None


class _Discovered(BaseModel):
    model_id: str
    availability: list[_Availability] | None = None


Item = TypeVar("Item", bound=BaseModel)
_LISTED = TypeAdapter(list[_Listed])
_DISCOVERED = TypeAdapter(list[_Discovered])


def tenancy_models(session: OCISession, endpoint: str = "") -> list[TenancyModel]:
    """Return the models of the tenancy, by name. It blocks.

    Args:
        session: the session.
        endpoint: of the management API; empty: that of the session's region.

    Raises:
        DependencyUnavailable: something other than OCI answered.
        oci.exceptions.ServiceError: OCI refused.
    """
    client = session.client(GenerativeAiClient, name="generative-ai-management", endpoint=endpoint)
    listed = _read(client.list_models, session, _LISTED)
    discovered = _read(client.list_model_discovery, session, _DISCOVERED)
    served = {model.model_id: model.availability or [] for model in discovered}
    here = {_name(model): model for model in listed}
    names = dict.fromkeys([*here, *served])
    return [_model(name, here.get(name), served.get(name, []), session.region) for name in names]


def _read(operation: Callable[..., Any], session: OCISession, kind: TypeAdapter[list[Item]]) -> list[Item]:
    """Return all pages of a list of models."""
    try:
        return kind.validate_python(to_dict(all_pages(operation, session.compartment_id)))
    except (ValidationError, AttributeError, TypeError):
        # The SDK hands on whatever came: a page of a proxy is a `Response` without items.
        raise DependencyUnavailable("the management endpoint did not answer like OCI", hint=PROXY) from None


def _name(model: _Listed) -> str:
    named = (each for each in (model.display_name, model.id) if each and _NAME.fullmatch(each))
    return model.id if model.type == "CUSTOM" else next(named, model.id)


def _model(name: str, listed: _Listed | None, served: Sequence[_Availability], region: str) -> TenancyModel:
    local = [each for each in served if each.region == region] or list(served)
    retires = [each.time_on_demand_retired for each in local if each.time_on_demand_retired]
    if listed is not None and listed.time_on_demand_retired:
        retires = [listed.time_on_demand_retired]
    return TenancyModel(
        name=name,
        here=listed is not None or region in {each.region for each in served},
        custom=listed is not None and listed.type == "CUSTOM",
        created=listed.time_created if listed is not None else None,
        retires=max(retires, default=None),
        regions=tuple(each.region for each in served if "ON_DEMAND" in (each.serving_modes or ())),
        replacements=tuple(dict.fromkeys(name for each in local for name in each.supported_replacements or ())),
    )
