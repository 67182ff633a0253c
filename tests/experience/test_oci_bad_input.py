"""Bad input where OCI is configured: a clear error with its remedy, the right exit status, nothing left reserved."""

import asyncio
import json

import pytest
from langchain_core.messages import HumanMessage
from typer.testing import CliRunner

from experience.cli.app import app
from experience.service import open_service
from gateway import CallScope, Ledger
from settings import load_settings
from state.errors import PromptTooLong
from state.values import Role, Usage
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.server import COMPARTMENT
from tests.doubles.oci.session import local_settings

QUESTION = "What is the price of Tariff A?"


@pytest.fixture
def oci():
    with LocalOCI() as served:
        yield served


def run(oci, home, *arguments, **environment):
    local_settings(oci, home)
    given = {
        "SIXPLANE_HOME": str(home),
        "SIXPLANE_MODELS__PROVIDER": "oci",
        "SIXPLANE_MODELS__MAX_ATTEMPTS": "1",
        "SIXPLANE_OCI__CONFIG_FILE": str(home.parent / "oci-keys" / "config"),
        "SIXPLANE_OCI__ENDPOINT": oci.url,
        "SIXPLANE_OCI__COMPARTMENT_ID": COMPARTMENT,
        **environment,
    }
    return CliRunner().invoke(app, ["research", QUESTION, "--corpus", "small", *arguments], env=given)


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "words"),
    [
        (("--model", "cohere.command-a-03-2026"), {}, 2, ("there is no model", "cohere.command-a-03-2025")),
        (("--model", "cohere.embed-v4.0"), {}, 2, ("is not a chat model", "sixplane models")),
        (("--model", "xai.grok-4.7"), {}, 2, ("price", "models.prices_micro_usd")),
        (("--model", "cohere.command-r-plus-08-2024"), {}, 2, ("is retired", "use `cohere.command-a-03-2025` instead")),
        (("--model", "cohere.command-a-reasoning"), {}, 2, ("dedicated clusters only", "endpoint")),
        (("--model", "xai.grok-4.20-multi-agent"), {}, 2, ("does not answer on `native`", "`responses`")),
        (("--model", "cohere.command-latest"), {}, 2, ("is retired", '[models.declared."cohere.command-latest"]')),
        (("--model", "openai.gpt-oss-20b"), {"SIXPLANE_OCI__REGION": "iad"}, 2, ("in us-ashburn-1", "us-chicago-1")),
        ((), {"SIXPLANE_MODELS__ROLES": '{"writer": "xai.grok-3"}'}, 2, ("is retired", "`xai.grok-4.3`")),
        (
            (),
            {"SIXPLANE_MODELS__FALLBACKS": '{"cohere.command-a-03-2025": ["xai.grok-3"]}'},
            2,
            ("is retired", "`xai.grok-4.3`"),
        ),
        (
            (),
            {"SIXPLANE_OCI__EMBEDDING_MODEL": "cohere.embed-english-v3.0", "SIXPLANE_DATA__EMBEDDINGS": "oci"},
            2,
            ("is retired since 2026-09-30", "`cohere.embed-v4.0`"),
        ),
        (
            (),
            {"SIXPLANE_MODELS__DECLARED": '{"cohere.command-latest": {"price_micro_usd": [-1, 0]}}'},
            2,
            ("models.declared", "at least 0"),
        ),
        (
            (),
            {"SIXPLANE_MODELS__DECLARED": '{"mine": {"price_micro_usd": [1, 1], "like": "cohere.nothing"}}'},
            2,
            ("like 'cohere.nothing'", "sixplane models"),
        ),
        ((), {"SIXPLANE_OCI__ENDPOINT": "", "SIXPLANE_OCI__REGION": "us-chicago-2"}, 2, ("region", "us-chicago-1")),
        ((), {"SIXPLANE_OCI__COMPARTMENT_ID": ""}, 2, ("compartment", "SIXPLANE_OCI__COMPARTMENT_ID")),
        ((), {"SIXPLANE_OCI__COMPARTMENT_ID": "mine"}, 2, ("compartment", "ocid1.compartment")),
        (
            (),
            {"SIXPLANE_LIMITS__REQUESTS_PER_MINUTE": "0"},
            2,
            ("limits.requests_per_minute", "at least 1"),
        ),
        ((), {"SIXPLANE_BUDGETS__MONTH_MICRO_USD": "0"}, 2, ("budgets.month_micro_usd", "at least 1")),
        ((), {"SIXPLANE_BUDGETS__RUN_MICRO_USD": "-5"}, 2, ("budgets.run_micro_usd", "at least 1")),
        ((), {"SIXPLANE_OCI__EMBEDDING_MODEL": "x", "SIXPLANE_DATA__EMBEDDINGS": "oci"}, 2, ("there is no model",)),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_asked(oci, home, arguments, environment, status, words):
    result = run(oci, home, *arguments, **environment)
    assert result.exit_code == status, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    assert not oci.of("chat")


def test_a_budget_of_nothing_is_a_usage_error(oci, home):
    assert run(oci, home, "--budget-usd", "0").exit_code == 2


def status(code, **given):
    return Fault("status", "chat", times=9, status=code, **given)


@pytest.mark.parametrize(
    ("fault", "code", "status", "words"),
    [
        (status(404), "model_unavailable", 5, ("allow group", "COMPARTMENT_ID")),
        (status(404, message="Entity with key m not found"), "model_unavailable", 5, ("in this region", "--live")),
        (status(401), "credentials_refused", 5, ("key", "clock", "404", "code NotAuthenticated")),
        (status(403), "model_unavailable", 5, ("limits and policies",)),
        (status(400, message="Inappropriate content"), "content_refused", 3, ("refused the content", "rephrase")),
        (status(400, message="context length of 9"), "prompt_too_long", 2, ("exceeds its context", "-k")),
        (status(502, body="<html>no</html>"), "model_unavailable", 5, ("answered with a web page",)),
        (status(200, body="<html>hi</html>"), "model_unavailable", 5, ("SIXPLANE_OCI__ENDPOINT",)),
    ],
)
def test_what_the_service_refuses_ends_the_run_with_the_remedy_and_releases_what_was_reserved(
    oci, home, fault, code, status, words
):
    oci.faults.add(fault)
    result = run(oci, home, "--json")
    assert result.exit_code == status, result.stderr
    report = json.loads(result.stdout)
    assert (report["status"], report["stop_reason"]) == ("stopped", code)
    told = [event["detail"] for event in report["events"] if event["kind"] == "node_failed"]
    for word in (*words, f"request id {oci.of('chat')[-1].request_id})"):
        assert word in result.stderr, result.stderr
        assert word in " ".join(told), told
    assert "Traceback" not in result.stderr
    assert asyncio.run(reserved(home)) == 0


async def reserved(home):
    ledger = Ledger(load_settings(home=home))
    lines = await ledger.budget("local")
    await ledger.aclose()
    return sum(line.reserved for line in lines)


async def test_a_prompt_beyond_the_context_window_is_refused_before_it_is_sent_with_the_sizes(oci, home):
    async with open_service(local_settings(oci, home)) as service:
        scope = CallScope("local", "run", "thread", "task", 1, Role.WRITER, "meta.llama-3.3-70b-instruct")
        with pytest.raises(PromptTooLong, match=r"need about 202048 tokens.* a context of 128000"):
            await service.gateway.chat_model(scope).ainvoke([HumanMessage("x" * 600_000)])
        assert await service.gateway.usage("local", "run") == Usage()
    assert not oci.calls
