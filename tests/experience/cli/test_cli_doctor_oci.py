"""`sixplane doctor` where OCI is configured: what works, what does not with its remedy, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from experience.cli.app import app
from state.money import dollars
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.server import COMPARTMENT

MODEL = "cohere.command-a-03-2025"
FAST = "openai.gpt-oss-20b"
VERSIONS = {"items": [{"guardrailVersion": "1.0.0", "state": "ACTIVE"}, {"guardrailVersion": "1.0.1"}]}
DATA_KEY = "apm-private-data-key"
SECRETS = (DATA_KEY, "PRIVATE KEY")
DENIED = ("fingerprint", "clock", "allow group … to use generative-ai-family", "COMPARTMENT_ID", "docs/oci.md")


@pytest.fixture
def oci(tmp_path: Path) -> Iterator[LocalOCI]:
    key = write_keys(tmp_path / "keys")
    with LocalOCI(lambda _: "OK", embed="hash", key=key, data_key=DATA_KEY) as served:  # type: ignore[arg-type]
        yield served


def guardrail_versions(status: int = 200, body: object = None) -> Fault:
    """Return what answers `GET /guardrailVersions`, which the double does not know."""
    given = {"body": VERSIONS if body is None else body} if status == 200 else {}
    return Fault("status", "guardrailVersions", times=999, status=status, **given)  # type: ignore[arg-type]


@pytest.fixture
def doctor(oci: LocalOCI, tmp_path: Path):
    def run(*arguments: str, **more: str) -> Result:
        oci.faults.add(guardrail_versions())
        environment = {
            "HOME": str(tmp_path),
            "SIXPLANE_HOME": str(tmp_path / "home"),
            "SIXPLANE_MODELS__PROVIDER": "oci",
            "SIXPLANE_OCI__CONFIG_FILE": str(tmp_path / "keys" / "config"),
            "SIXPLANE_OCI__ENDPOINT": oci.url,
            "SIXPLANE_OCI__COMPARTMENT_ID": COMPARTMENT,
            "OCI_CONFIG_FILE": "",
            "OCI_COMPARTMENT_ID": "",
            **more,
        }
        result = CliRunner().invoke(app, ["doctor", *arguments], env=environment)
        shown = result.stdout + result.stderr
        assert "Traceback" not in shown
        assert not [secret for secret in SECRETS if secret in shown]
        return result

    return run


def checks_of(result: Result) -> dict[str, dict[str, object]]:
    return {check["name"]: check for check in json.loads(result.stdout)["checks"] if check["name"].startswith("oci ")}


def sinks(oci: LocalOCI) -> dict[str, str]:
    return {
        "SIXPLANE_OCI__LOG_ID": "ocid1.log.oc1..x",
        "SIXPLANE_OCI__LOGGING_ENDPOINT": oci.url,
        "SIXPLANE_OCI__METRICS_NAMESPACE": "sixplane",
        "SIXPLANE_OCI__MONITORING_ENDPOINT": oci.url,
        "SIXPLANE_OCI__TOPIC_ID": "ocid1.onstopic.oc1..x",
        "SIXPLANE_OCI__NOTIFICATIONS_ENDPOINT": oci.url,
        "SIXPLANE_OCI__APM_ENDPOINT": oci.url,
        "SIXPLANE_OCI__APM_DATA_KEY": DATA_KEY,
    }


def test_where_oci_is_not_used_nothing_of_it_is_checked(doctor) -> None:
    result = doctor(SIXPLANE_MODELS__PROVIDER="extractive")
    assert result.exit_code == 0
    assert not [line for line in result.stdout.splitlines() if line[5:].startswith("oci ")]


def test_who_where_and_at_what_price_is_told_without_anything_that_is_billed(doctor, oci: LocalOCI) -> None:
    result = doctor()
    assert result.exit_code == 0, result.stdout
    for words in (
        "ok   oci credentials: api_key of the profile DEFAULT",
        f"region us-chicago-1; {oci.url.removeprefix('http://')}",
        "cohere.command-a-03-2025 for chat at 0.0156/0.0156 USD per 10,000 characters",
        "openai.gpt-oss-20b for chat at 0.07/0.3 USD per 1,000,000 tokens",
        "ok   oci generative ai: answers; guardrails 1.0.0, 1.0.1",
        "ok   oci logging: not configured (SIXPLANE_OCI__LOG_ID)",
        "ok   oci monitoring: not configured",
        "ok   oci notifications: not configured",
    ):
        assert words in result.stdout, result.stdout
    assert [call.path for call in oci.calls] == ["guardrailVersions"]
    assert oci.calls[0].verified
    assert oci.calls[0].headers["opc-compartment-id"] == COMPARTMENT


def test_live_asks_each_model_once_for_little_and_writes_one_entry_to_each_sink(doctor, oci: LocalOCI) -> None:
    more = {
        "SIXPLANE_DATA__EMBEDDINGS": "oci",
        "SIXPLANE_OCI__RERANK_MODEL": "cohere.rerank-v4.0-fast",
    }
    result = doctor("--live", "--json", **sinks(oci), **more)
    found = checks_of(result)
    assert result.exit_code == 0, found
    assert list(found) == [
        "oci credentials",
        "oci models",
        "oci generative ai",
        f"oci chat {FAST}",
        f"oci chat {MODEL}",
        "oci guardrails",
        "oci embeddings",
        "oci rerank",
        "oci cost of these checks",
        "oci logging",
        "oci monitoring",
        "oci notifications",
        "oci apm",
    ]
    asked = ["guardrailVersions", "chat", "chat", "applyGuardrails", "embedText", "rerankText"]
    written = ["put_logs", "post_metric_data", "publish_message", "traces"]
    assert sorted(call.path for call in oci.calls) == sorted([*asked, *written])
    assert oci.of("chat")[0].body["chatRequest"]["maxCompletionTokens"] == 16
    assert (len(oci.log_entries), len(oci.metrics), len(oci.messages), len(oci.spans)) == (1, 1, 1, 1)
    said = len("Say OK.") + len("OK")
    command_a, gpt_oss, embedding, search = -(-said * 15_600 // 10_000), 1, 1, 2_000
    billed = command_a + gpt_oss + embedding + search
    assert found["oci cost of these checks"]["detail"] == f"5 calls for {dollars(billed)} USD"


def test_live_twice_asks_twice(doctor, oci: LocalOCI) -> None:
    for _ in range(2):
        assert doctor("--live").exit_code == 0
    assert len(oci.of("chat")) == 4


def test_configured_sinks_are_not_written_to_without_live(doctor, oci: LocalOCI) -> None:
    found = checks_of(doctor("--json", **sinks(oci)))
    for name in ("oci logging", "oci monitoring", "oci notifications", "oci apm"):
        assert found[name]["detail"] == "configured; `--live` writes one test entry"
    assert [call.path for call in oci.calls] == ["guardrailVersions"]


FAILURES = {
    "no configuration": ({"SIXPLANE_OCI__CONFIG_FILE": "/nowhere/config"}, "oci credentials", ("oci setup config",)),
    "an unknown profile": ({"SIXPLANE_OCI__PROFILE": "X"}, "oci credentials", ("no profile `X`", "OCI__PROFILE")),
    "no compartment": ({"SIXPLANE_OCI__COMPARTMENT_ID": ""}, "oci credentials", ("SIXPLANE_OCI__COMPARTMENT_ID",)),
    "an unknown region": (
        {"SIXPLANE_OCI__ENDPOINT": "", "SIXPLANE_OCI__REGION": "us-chicago-2"},
        "oci credentials",
        ("did you mean `us-chicago-1`",),
    ),
    "an unknown model": (
        {"SIXPLANE_MODELS__DEFAULT": "cohere.command-a-03-2026"},
        "oci models",
        ("did you mean `cohere.command-a-03-2025`",),
    ),
    "a model without a price": (
        {"SIXPLANE_MODELS__DEFAULT": "xai.grok-4.7"},
        "oci models",
        ("prices_micro_usd",),
    ),
    "a retired model": (
        {"SIXPLANE_MODELS__DEFAULT": "cohere.command-r-plus"},
        "oci models",
        ("is retired since 2025-01-16", "cohere.command-a-03-2025"),
    ),
    "a model of another region": (
        {"SIXPLANE_MODELS__DEFAULT": "openai.gpt-oss-120b", "SIXPLANE_OCI__REGION": "us-phoenix-1"},
        "oci models",
        ("not served on demand in us-phoenix-1", "us-chicago-1"),
    ),
    "an embedding model for chat": (
        {"SIXPLANE_MODELS__DEFAULT": "cohere.embed-v4.0"},
        "oci models",
        ("cannot be used for chat", "sixplane models"),
    ),
    "a chat model for embeddings": (
        {"SIXPLANE_DATA__EMBEDDINGS": "oci", "SIXPLANE_OCI__EMBEDDING_MODEL": "cohere.command-a-03-2025"},
        "oci models",
        ("cannot be used for embedding",),
    ),
    "nobody at the endpoint": (
        {"SIXPLANE_OCI__ENDPOINT": "http://127.0.0.1:9"},
        "oci generative ai",
        ("cannot be reached", "proxy", "SIXPLANE_OCI__ENDPOINT"),
    ),
    "another version of guardrails": (
        {"SIXPLANE_OCI__GUARDRAIL_VERSION": "9.9"},
        "oci generative ai",
        ("no version 9.9", "SIXPLANE_OCI__GUARDRAIL_VERSION", "1.0.0, 1.0.1"),
    ),
    "a reserved namespace": (
        {"SIXPLANE_OCI__METRICS_NAMESPACE": "oci_mine"},
        "oci monitoring",
        ("SIXPLANE_OCI__METRICS_NAMESPACE", "`oci_`"),
    ),
    "an endpoint that is none": (
        {"SIXPLANE_OCI__LOG_ID": "ocid1.log.oc1..x", "SIXPLANE_OCI__LOGGING_ENDPOINT": "logging"},
        "oci logging",
        ("SIXPLANE_OCI__LOGGING_ENDPOINT", "https://"),
    ),
    "APM without its key": (
        {"SIXPLANE_OCI__APM_ENDPOINT": "https://apm.example.com"},
        "oci apm",
        ("SIXPLANE_OCI__APM_DATA_KEY",),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_names_its_remedy(doctor, name: str) -> None:
    more, check, words = FAILURES[name]
    result = doctor("--json", **more)
    assert result.exit_code == 5
    found = checks_of(result)
    assert [each for each, how in found.items() if not how["ok"]] == [check]
    told = f"{found[check]['detail']} {found[check]['hint']}"
    assert [word for word in words if word not in told] == [], told


@pytest.mark.parametrize("status", [401, 404])
def test_401_and_404_of_the_endpoint_get_both_remedies(doctor, oci: LocalOCI, status: int) -> None:
    oci.faults.add(guardrail_versions(status))
    found = checks_of(doctor("--json"))["oci generative ai"]
    assert not found["ok"]
    assert [word for word in DENIED if word not in str(found["hint"])] == [], found


def test_a_wrong_key_is_told_at_the_first_signed_call(doctor, oci: LocalOCI, tmp_path: Path) -> None:
    config = tmp_path / "keys" / "config"
    text = config.read_text()
    config.write_text(text.replace("user=ocid1.user.oc1..local", "user=ocid1.user.oc1..stranger"))
    found = checks_of(doctor("--json"))
    assert found["oci credentials"]["ok"]
    assert "401" in str(found["oci generative ai"]["detail"])
    assert [word for word in DENIED if word not in str(found["oci generative ai"]["hint"])] == []


def test_a_page_in_place_of_oci_s_answer_is_told(doctor, oci: LocalOCI) -> None:
    oci.faults.add(guardrail_versions(200, "<html>log in</html>"))
    found = checks_of(doctor("--json"))["oci generative ai"]
    assert (found["ok"], "proxy" in str(found["hint"])) == (False, True), found


@pytest.mark.parametrize("status", [401, 404])
@pytest.mark.parametrize(
    ("operation", "check", "words"),
    [
        ("chat", f"oci chat {FAST}, oci chat {MODEL}", DENIED),
        ("applyGuardrails", "oci guardrails", DENIED),
        ("put_logs", "oci logging", ("fingerprint", "SIXPLANE_OCI__LOG_ID", "to use log-content")),
        ("post_metric_data", "oci monitoring", ("fingerprint", "SIXPLANE_OCI__METRICS_NAMESPACE", "to use metrics")),
        ("publish_message", "oci notifications", ("fingerprint", "SIXPLANE_OCI__TOPIC_ID", "to use ons-topics")),
        ("traces", "oci apm", ("SIXPLANE_OCI__APM_DATA_KEY", "SIXPLANE_OCI__APM_ENDPOINT")),
    ],
)
def test_live_tells_both_remedies_for_each_refusal_and_goes_on(
    doctor, oci: LocalOCI, operation: str, check: str, words: tuple[str, ...], status: int
) -> None:
    oci.faults.add(Fault("status", operation, times=9, status=status))
    result = doctor("--live", "--json", **sinks(oci))
    found = checks_of(result)
    assert result.exit_code == 5
    assert [name for name, how in found.items() if not how["ok"]] == check.split(", ")
    for name in check.split(", "):
        told = f"{found[name]['detail']} {found[name]['hint']}"
        assert [word for word in words if word not in told] == [], told
        assert str(status) in str(found[name]["detail"])


def test_sinks_that_nobody_serves_are_told(doctor, oci: LocalOCI) -> None:
    nobody = {name: "http://127.0.0.1:9" for name in sinks(oci) if name.endswith("_ENDPOINT")}
    found = checks_of(doctor("--live", "--json", **{**sinks(oci), **nobody}))
    for name in ("oci logging", "oci monitoring", "oci notifications", "oci apm"):
        assert not found[name]["ok"]
        assert "network" in str(found[name]["hint"]), found[name]


def test_a_budget_that_is_spent_is_told(doctor) -> None:
    found = checks_of(doctor("--live", "--json", SIXPLANE_BUDGETS__RUN_MICRO_USD="1"))[f"oci chat {MODEL}"]
    assert not found["ok"]
    assert "budget" in str(found["detail"])
    assert found["hint"]


def test_a_principal_outside_oci_is_told(doctor) -> None:
    found = checks_of(doctor("--json", SIXPLANE_OCI__AUTH="resource_principal"))["oci credentials"]
    assert not found["ok"]
    assert "SIXPLANE_OCI__AUTH=api_key" in str(found["hint"])


COMPATIBLE = f"oci-openai:{FAST}"


def test_the_endpoint_of_openais_apis_is_told_and_asked_live(doctor, oci: LocalOCI) -> None:
    more = {"SIXPLANE_MODELS__DEFAULT": COMPATIBLE, "SIXPLANE_OCI__OPENAI__SURFACE": "responses"}
    told = checks_of(doctor("--json", **more))
    assert told["oci openai"]["detail"] == f"{oci.url}/openai/v1 with signatures (api_key), on responses APIs"
    assert f"{COMPATIBLE} for chat at 0.07/0.3 USD" in str(told["oci models"]["detail"])
    assert [call.path for call in oci.calls] == ["guardrailVersions"]
    found = checks_of(doctor("--live", "--json", **more))
    assert all(check["ok"] for check in found.values()), found
    assert (len(oci.of("responses")), oci.of("chat")) == (1, [])


def test_with_a_key_of_generative_ai_no_credentials_are_looked_for(doctor, oci: LocalOCI, tmp_path: Path) -> None:
    more = {
        "SIXPLANE_MODELS__PROVIDER": "oci-openai",
        "SIXPLANE_MODELS__DEFAULT": COMPATIBLE,
        "SIXPLANE_OCI__OPENAI__API_KEY": "sk-of-another-region",
        "SIXPLANE_OCI__CONFIG_FILE": str(tmp_path / "nothing"),
    }
    result = doctor("--live", "--json", **more)
    found = checks_of(result)
    assert list(found) == ["oci models", "oci openai", f"oci chat {COMPATIBLE}", "oci cost of these checks"]
    assert found["oci openai"]["detail"] == f"{oci.url}/openai/v1 with an API key, on auto APIs"
    assert "its API key is not accepted" in str(found[f"oci chat {COMPATIBLE}"]["detail"])
    assert "another region" in str(found[f"oci chat {COMPATIBLE}"]["hint"])
    assert "sk-of-another-region" not in result.stdout


def test_an_endpoint_elsewhere_without_a_price_is_found_before_it_is_asked(doctor) -> None:
    more = {
        "SIXPLANE_MODELS__PROVIDER": "openai",
        "SIXPLANE_MODELS__DEFAULT": "openai:gpt",
        "SIXPLANE_OPENAI__BASE_URL": "https://models.example/v1",
    }
    result = doctor(**more)
    assert result.exit_code == 5
    assert "FAIL model endpoint: the price of the model 'openai:gpt' at models.example is not known" in result.stdout
    assert "[models.prices_micro_usd]" in result.stdout
