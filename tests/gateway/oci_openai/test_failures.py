"""What goes wrong on OCI's OpenAI-compatible endpoints is told with its remedy, and costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Gateway, Ledger, load_catalog
from settings import load_settings
from settings.declared import DeclaredModel
from state.channels import ResearchContext
from state.errors import (
    CredentialsRefused,
    ModelNotServed,
    ModelOutputInvalid,
    ModelRetired,
    ModelUnavailable,
    ModelUnknown,
    PriceUnknown,
    SettingsInvalid,
)
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.rules.models import SERVED, ServedModel
from tests.gateway.oci_openai.asking import JSON, MODEL, PLAN, Asked, deployment

OTHER = "ocid1.compartment.oc1..other"
AGENTS = "oci-openai:xai.grok-4.20-multi-agent"
PAGE = "<html><body>Sign in</body></html>"


@pytest.fixture(autouse=True)
def _no_waiting(waits: Any) -> None:
    """Take no time for back-off."""


def _openai(**given: Any) -> dict[str, Any]:
    return {"oci": {"openai": given}}


def _keyed(key: str) -> dict[str, Any]:
    return {"models": {"provider": "oci-openai", "default": MODEL}, **_openai(api_key=key)}


def _page(status: int) -> Fault:
    return Fault("status", status=status, body=PAGE, times=9)


FAILURES: dict[str, tuple[dict[str, Any], Fault | None, str, str]] = {
    "a compartment that does not exist": (
        {"oci": {"compartment_id": OTHER}},
        None,
        "its compartment does not exist, or may not be used",
        "SIXPLANE_OCI__COMPARTMENT_ID",
    ),
    "a project that does not exist": (
        _openai(project_id="ocid1.generativeaiproject.oc1.us-chicago-1.other"),
        None,
        "its project does not exist, or may not be used",
        "SIXPLANE_OCI__OPENAI__PROJECT_ID",
    ),
    "a conversation store that does not exist": (
        _openai(surface="responses", conversation_store_id="ocid1.generativeaiconversationstore.oc1..other"),
        None,
        "its conversation store does not exist, or may not be used",
        "SIXPLANE_OCI__OPENAI__CONVERSATION_STORE_ID",
    ),
    "a key of another region": (_keyed("sk-other"), None, "its API key is not accepted", "made in another region"),
    "a page with status 200": ({}, _page(200), "a web page and status 200", "SIXPLANE_OCI__OPENAI__BASE_URL"),
    "a page with status 403": ({}, _page(403), "a web page and status 403", "SIXPLANE_OCI__OPENAI__BASE_URL"),
    "a wrong signature": ({}, Fault("status", status=401), "it answered 401", "sixplane doctor"),
    "a model that the region does not have": (
        {"models": {"default": "oci-openai:openai.gpt-oss-20b"}},
        None,
        "it is not served in this region, or not on this API",
        "SIXPLANE_OCI__REGION",
    ),
    "something unknown": ({}, Fault("status", status=404), "it answered 404", "the model's name"),
    "throttling": ({}, Fault("status", status=429, times=9), "5 times: it answered 429", "SIXPLANE_LIMITS__PRESET"),
    "an address at which nothing is": (_openai(base_url="{url}/nowhere"), None, "it answered 404", "the model's name"),
    "a deployment that does not exist": (
        {"deployment": {"endpoint": "{url}/ocid1.datasciencemodeldeployment.oc1.other/predict"}},
        None,
        "it answered 404",
        "DATA_SCIENCE_MODEL_DEPLOYMENT_PREDICT",
    ),
    "a deployment whose server does not stream": (
        {"deployment": {}},
        Fault("status", status=409, message="Unexpected nonstreaming response", times=9),
        "it answered 409",
        "stream = false",
    ),
    "a page of a deployment": ({"deployment": {}}, _page(200), "a web page", "oci.deployments.local.endpoint"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_each_failure_says_what_happened_and_what_to_do_and_costs_nothing(tmp_path: Any, name: str) -> None:
    sections, fault, reason, hint = FAILURES[name]
    here = {name: SERVED[name] for name in SERVED if name != "openai.gpt-oss-20b"}
    with LocalOCI(lambda _: Reply(JSON), api_key="sk-local", models=here) as oci:
        asked = _asked(oci, tmp_path, sections)
        if fault is not None:
            oci.faults.add(Fault(**vars(fault)))
        with pytest.raises((ModelUnavailable, CredentialsRefused)) as caught:
            await asked.plan()
    assert reason in caught.value.message
    assert hint in caught.value.hint
    assert PAGE not in str(caught.value)
    assert (await asked.usage()).cost_micro_usd == 0


def _asked(oci: LocalOCI, home: Any, sections: dict[str, Any]) -> Asked:
    given = {name: dict(table) for name, table in sections.items()}
    if "deployment" in given:
        table = {"token_prices_micro_usd": (1, 2), **given.pop("deployment")}
        table = {key: value.format(url=oci.url) if isinstance(value, str) else value for key, value in table.items()}
        return Asked(oci, home / "home", "oci-deployment:local", **deployment(oci, **table))
    base_url = given.get("oci", {}).get("openai", {}).get("base_url")
    if base_url:
        given["oci"]["openai"] = {"base_url": base_url.format(url=oci.url)}
    return Asked(oci, home / "home", given.get("models", {}).get("default", MODEL), **given)


async def test_a_server_fault_is_charged_since_the_model_may_have_answered(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        oci.faults.add(Fault("status", status=503))
        asked = Asked(oci, tmp_path / "home")
        assert await asked.plan() == PLAN
    usage = await asked.usage()
    assert usage.calls == 2
    assert usage.cost_micro_usd > 500 * 600_000 // 1_000_000


async def test_a_model_of_agents_is_asked_on_responses_and_refused_on_chat_completions(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        assert await Asked(oci, tmp_path / "responses", AGENTS).plan() == PLAN
        with pytest.raises(ModelNotServed) as caught:
            await Asked(oci, tmp_path / "chat", AGENTS, **_openai(surface="chat")).plan()
        assert [call.path for call in oci.calls] == ["responses"]
    assert "SIXPLANE_OCI__OPENAI__SURFACE=auto" in caught.value.hint


async def test_the_words_of_the_service_are_understood_where_the_catalogue_does_not_know_better(tmp_path: Any) -> None:
    unlisted = "xai.grok-9-multi-agent"
    declared = {unlisted: {"price_micro_usd": (1, 1), "unit": "tokens", "surfaces": ("chat_completions",)}}
    served = {unlisted: ServedModel((), surfaces=("responses",))}
    with LocalOCI(lambda _: Reply(JSON), models=served) as oci:
        asked = Asked(oci, tmp_path / "home", f"oci-openai:{unlisted}", models={"declared": declared})
        with pytest.raises(ModelUnavailable, match="it answers on Responses only") as caught:
            await asked.plan()
    assert "SIXPLANE_OCI__OPENAI__SURFACE" in caught.value.hint


def test_a_model_of_cohere_is_refused_with_the_api_on_which_it_answers(tmp_path: Any) -> None:
    with pytest.raises(ModelNotServed, match="OpenAI-compatible endpoint") as caught:
        load_catalog(prices={}).get("oci-openai:cohere.command-a-03-2025")
    assert caught.value.hint == "use `cohere.command-a-03-2025`, on OCI's own API"


def test_a_retired_model_names_its_replacement_on_this_endpoint_too(tmp_path: Any) -> None:
    with pytest.raises(ModelRetired) as caught:
        load_catalog(prices={}).usable("oci-openai:xai.grok-3")
    assert "use `oci-openai:xai." in caught.value.hint


@pytest.mark.parametrize("name", ["extractive", "openai:gpt-4.1", "cassette:any", "oci-openai:openai.gpt-oss-20b"])
def test_a_model_that_is_not_one_of_oci_lends_it_no_price(name: str) -> None:
    with pytest.raises(ModelUnknown, match="is not a model of OCI") as caught:
        load_catalog(prices={}).usable(f"oci-openai:{name}")
    assert "put `oci-openai:` before the name" in caught.value.hint


def test_a_retired_model_can_be_declared_as_the_hint_says() -> None:
    with pytest.raises(ModelRetired) as caught:
        load_catalog(prices={}).usable("oci-openai:xai.grok-3")
    assert '`[models.declared."xai.grok-3"]`' in caught.value.hint
    surfaces = ("native", "chat_completions")
    declared = {"xai.grok-3": DeclaredModel(price_micro_usd=(5_000_000, 25_000_000), surfaces=surfaces)}
    assert load_catalog(prices={}, declared=declared).usable("oci-openai:xai.grok-3").input_price == 5_000_000


@pytest.mark.parametrize("surface", ["chat", "responses"])
@pytest.mark.parametrize("counts", [(-1_000_000, 1), (1, -1_000_000), (10**30, 1)])
async def test_token_counts_that_are_none_give_no_budget_back(tmp_path: Any, surface: str, counts: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON, usage=counts)) as oci:
        asked = Asked(oci, tmp_path / "home", **_openai(surface=surface))
        with pytest.raises(ModelOutputInvalid, match="its token counts are no counts"):
            await asked.plan()
    usage = await asked.usage()
    assert (usage.calls, usage.cost_micro_usd > 0) == (1, True)
    assert all(line.reserved == 0 for line in await asked.gateway.budget("local"))


async def test_a_model_without_a_price_is_refused_before_it_is_asked(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        with pytest.raises(PriceUnknown) as caught:
            await Asked(oci, tmp_path / "home", "oci-deployment:local", **deployment(oci)).plan()
        assert oci.calls == []
    assert "[models.prices_micro_usd]" in caught.value.hint


def test_a_model_that_needs_oci_says_so_where_none_is_configured(tmp_path: Any) -> None:
    settings = load_settings(home=tmp_path)
    gateway = Gateway(settings, ledger=Ledger(settings), embeddings=None)
    with pytest.raises(SettingsInvalid, match="needs OCI") as caught:
        gateway.check_run(ResearchContext(corpus="any", model=MODEL), "Why?")
    assert "SIXPLANE_MODELS__PROVIDER" in caught.value.hint
