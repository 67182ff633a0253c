"""Model deployments of OCI Data Science: their paths, their signature, and prices by the token and by the hour."""

from __future__ import annotations

from typing import Any

import pytest

from settings import load_settings
from state.errors import SettingsInvalid
from tests.doubles.oci import LocalOCI, Reply
from tests.doubles.oci.server import DEPLOYMENT
from tests.gateway.oci_openai.asking import JSON, PLAN, Asked, deployment

MODEL = "oci-deployment:local"
REPLY = Reply(JSON, usage=(1_000, 50))


@pytest.mark.parametrize(("stream", "path"), [(True, "predictWithResponseStream"), (False, "predict")])
async def test_a_deployment_is_asked_at_its_address_signed_and_charged_by_the_token(
    tmp_path: Any, stream: bool, path: str
) -> None:
    given = {"stream": stream, "model": "served-name", "token_prices_micro_usd": (1_000_000, 2_000_000)}
    with LocalOCI(lambda _: REPLY) as oci:
        asked = Asked(oci, tmp_path / "home", MODEL, **deployment(oci, **given))
        assert await asked.plan() == PLAN
    (call,) = oci.calls
    assert call.target == f"/{DEPLOYMENT}/{path}/v1/chat/completions"
    assert call.headers["authorization"].startswith("Signature ")
    assert (call.body["model"], bool(call.body.get("stream"))) == ("served-name", stream)
    usage = await asked.usage()
    assert (usage.input_tokens, usage.output_tokens, usage.cost_micro_usd) == (1_000, 50, 1_100)


async def test_a_price_by_the_hour_charges_the_time_of_a_call_and_reserves_the_longest(tmp_path: Any) -> None:
    hour = 3_600_000_000  # a micro-dollar for each microsecond of time: each millisecond shows
    with LocalOCI(lambda _: REPLY) as oci:
        sections = deployment(oci, hour_price_micro_usd=hour)
        asked = Asked(oci, tmp_path / "home", MODEL, models={"timeout_seconds": 7}, **sections)
        assert await asked.plan() == PLAN
        entry = asked.gateway.catalog.get(MODEL)
        bounded = {**sections, "budgets": {"run_micro_usd": 6_999_999}}
        poor = Asked(oci, tmp_path / "poor", MODEL, models={"timeout_seconds": 7}, **bounded)
        with pytest.raises(Exception, match="does not cover 7 USD"):
            await poor.plan()
    assert (entry.unit, entry.unit_size, entry.longest_ms) == ("milliseconds", 3_600_000, 7_000)
    assert 0 < (await asked.usage()).cost_micro_usd <= 7_000_000
    assert (await asked.usage()).cost_micro_usd % 1_000 == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"endpoint": "modeldeployment.example/ocid1"}, "begins with `https://modeldeployment.`"),
        ({"endpoint": "https://a/b", "token_prices_micro_usd": (1, 1), "hour_price_micro_usd": 5}, "two prices"),
        ({}, "endpoint"),
    ],
)
def test_a_deployment_that_is_declared_wrongly_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsInvalid, match=told):
        load_settings(oci={"deployments": {"local": given}})


@pytest.mark.parametrize("given", ["https://a/ocid", "https://a/ocid/", "https://a/ocid/predict"])
def test_the_address_may_end_in_predict_or_not(given: str) -> None:
    settings = load_settings(oci={"deployments": {"local": {"endpoint": given}}})
    assert settings.oci.deployments["local"].endpoint == "https://a/ocid"
