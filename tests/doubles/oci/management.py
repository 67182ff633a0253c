"""The management API of generative AI: the models that a tenancy has, and where they are served.

`GET /20231130/models` lists those of the region, by OCID; `GET /20231130/modelDiscovery` lists those of all regions.
Both in pages of two, so that a reader that ignores `opc-next-page` is found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.doubles.oci.delivery import Answer, error_answer, json_answer

MODELS, DISCOVERY = "/20231130/models", "/20231130/modelDiscovery"
_PAGE = 2


@dataclass(frozen=True)
class TenancyModel:
    """A model of the tenancy.

    Args:
        name: the id that calls send.
        regions: where it is served on demand.
        dedicated: where it is served on dedicated clusters.
        retired: date of its on-demand retirement, RFC 3339; empty without one.
        created: when it was released.
        replacements: what OCI suggests instead.
        custom: whether it is a model of the tenancy's own, which has no name but its OCID.
        notice: the header `model-retirement-info` of its answers; empty without one.
    """

    name: str
    regions: tuple[str, ...] = ("us-chicago-1",)
    dedicated: tuple[str, ...] = ()
    retired: str = ""
    created: str = "2026-01-21T00:00:00Z"
    replacements: tuple[str, ...] = ()
    custom: bool = False
    notice: str = ""
    capabilities: tuple[str, ...] = ("CHAT",)

    @property
    def vendor(self) -> str:
        """The maker, as the first part of the name."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Tenancy:
    """The models of a tenancy, and the region that `models` lists."""

    models: tuple[TenancyModel, ...] = ()
    region: str = "us-chicago-1"

    def notice(self, model: str) -> dict[str, str]:
        """Return the header of answers of a model that is about to retire."""
        said = next((each.notice for each in self.models if each.name == model and each.notice), "")
        return {"model-retirement-info": said} if said else {}

    def listed(self, target: str) -> Answer:
        """Return a page of `models` or of `modelDiscovery`, as the target asks."""
        split = urlsplit(target)
        asked = {name: values[-1] for name, values in parse_qs(split.query).items()}
        if not asked.get("compartmentId"):
            return error_answer(400, "InvalidParameter", "missing or wrong: compartmentId")
        if split.path == DISCOVERY:
            items = [_discovered(model) for model in self.models if not model.custom]
        else:
            served = (model for model in self.models if self.region in (*model.regions, *model.dedicated))
            items = [_summary(model, number, asked["compartmentId"]) for number, model in enumerate(served)]
        start = int(asked.get("page") or 0)
        answer = json_answer({"items": items[start : start + _PAGE]})
        if start + _PAGE < len(items):
            answer.headers["opc-next-page"] = str(start + _PAGE)
        return answer


def _summary(model: TenancyModel, number: int, compartment: str) -> dict[str, Any]:
    """Return a `ModelSummary`: a base model bears its name as display name, and belongs to no compartment."""
    return {
        "id": model.name if model.custom else f"ocid1.generativeaimodel.oc1.us-chicago-1.local{number}",
        "compartmentId": compartment if model.custom else None,
        "capabilities": list(model.capabilities),
        "lifecycleState": "ACTIVE",
        "displayName": "our fine-tuned model" if model.custom else model.name,
        "vendor": model.vendor,
        "timeCreated": model.created,
        "type": "CUSTOM" if model.custom else "BASE",
        "timeOnDemandRetired": model.retired or None,
    }


def _discovered(model: TenancyModel) -> dict[str, Any]:
    """Return a `ModelDiscovery`: an availability for each region."""
    regions = dict.fromkeys((*model.regions, *model.dedicated))
    return {
        "modelId": model.name,
        "vendor": model.vendor,
        "modelAccess": "HOSTED",
        "availability": [
            {
                "realm": "oc1",
                "region": region,
                "servingModes": [
                    *(["ON_DEMAND"] if region in model.regions else []),
                    *(["DEDICATED"] if region in model.dedicated else []),
                ],
                "timeOnDemandRetired": model.retired or None,
                "supportedReplacements": list(model.replacements),
            }
            for region in regions
        ],
    }
