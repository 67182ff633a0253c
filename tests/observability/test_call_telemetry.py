"""What is told of each call, that it is exact, and that no sink can hold up who tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from circuitbreaker import CircuitBreakerMonitor
from pydantic import ValidationError

from observability import CallObserved, open_call_telemetry
from observability.delivery_tally import DeliveryTally
from settings import Settings
from settings.connections.oci_session import BREAKER_FAILURES, OCISession
from state.errors import SettingsInvalid
from tests.observability.sink_server import SinkServer, unused_address

LOG = "ocid1.log.oc1..l"


def settings_for(url: str, **oci: Any) -> Settings:
    chosen = {
        "metrics_namespace": "sixplane",
        "monitoring_endpoint": url,
        "log_id": LOG,
        "logging_endpoint": url,
        **oci,
    }
    return Settings(oci=chosen)


def call(**changed: Any) -> CallObserved:
    plain: dict[str, Any] = {
        "operation": "chat",
        "model": "oci:meta.llama",
        "provider": "oci",
        "status": "ok",
        "latency_ms": 120,
    }
    return CallObserved(**{**plain, **changed})


def by_name(sinks: SinkServer) -> dict[tuple[str, ...], dict[str, Any]]:
    found = {}
    for item in sinks.metrics():
        dimensions = item["dimensions"]
        told = ("gen_ai.request.model", "error.type", "gen_ai.token.type", "le")
        parts = [dimensions.get(name, "") for name in told]
        found[(item["name"], *(part for part in parts if part))] = item["datapoints"][0]
    return found


def test_an_observation_has_no_room_for_content_tenant_or_thread() -> None:
    assert not {"content", "prompt", "answer", "tenant", "thread", "thread_id"} & set(CallObserved.model_fields)
    with pytest.raises(ValidationError):
        call(prompt="a secret")
    with pytest.raises(ValidationError):
        call().status = "changed"  # type: ignore[misc]


def test_each_call_is_one_event_with_exactly_its_fields(sinks: SinkServer, session: OCISession) -> None:
    telemetry = open_call_telemetry(settings_for(sinks.url, metrics_namespace=""), session)
    told = [
        call(request_id="r1", trace_id="a" * 32, span_id="b" * 16, role="writer", input_tokens=3, cost_micro_usd=7),
        call(operation="guard", status="model_unavailable", attempts=5),
    ]
    for each in told:
        telemetry.observe(each)
    telemetry.shutdown()
    assert sinks.events() == [each.model_dump() for each in told]
    (request,) = sinks.received
    assert request.path == f"/20200831/logs/{LOG}/actions/push"
    (batch,) = request.json["logEntryBatches"]
    assert (batch["source"], batch["type"]) == ("sixplane", "sixplane.genai.call")
    assert len({entry["id"] for entry in batch["entries"]}) == 2
    assert all(entry["time"] for entry in batch["entries"])
    assert telemetry.dropped() == {"oci_logging": 0}


def test_a_providers_endless_request_id_is_cut(sinks: SinkServer, session: OCISession) -> None:
    telemetry = open_call_telemetry(settings_for(sinks.url, metrics_namespace=""), session)
    telemetry.observe(call(request_id="x" * 100_000))
    telemetry.shutdown()
    assert sinks.events()[0]["request_id"] == "x" * 512


def test_the_metrics_of_calls_are_exact(sinks: SinkServer, session: OCISession) -> None:
    telemetry = open_call_telemetry(settings_for(sinks.url, log_id=""), session)
    telemetry.observe(call(latency_ms=100, input_tokens=10, output_tokens=4, input_chars=40, cost_micro_usd=1))
    telemetry.observe(call(latency_ms=300, input_tokens=5, cost_micro_usd=1_234_566))
    telemetry.observe(call(status="budget_exceeded", latency_ms=1))
    telemetry.observe(call(memo=True, latency_ms=1))
    telemetry.shutdown()
    found = by_name(sinks)
    model, seconds, tokens = "oci:meta.llama", "gen_ai.client.operation.duration", "gen_ai.client.token.usage"
    values = {name: point["value"] for name, point in found.items()}
    assert values == {
        (f"{seconds}.sum", model): 0.4,
        (f"{seconds}.count", model): 2,
        (f"{seconds}.bucket", model, "0.16"): 1,
        (f"{seconds}.bucket", model, "0.32"): 1,
        (f"{seconds}.sum", model, "budget_exceeded"): 0.001,
        (f"{seconds}.count", model, "budget_exceeded"): 1,
        (f"{seconds}.bucket", model, "budget_exceeded", "0.01"): 1,
        (f"{tokens}.sum", model, "input"): 15,
        (f"{tokens}.count", model, "input"): 2,
        (f"{tokens}.bucket", model, "input", "16"): 2,
        (f"{tokens}.sum", model, "output"): 4,
        (f"{tokens}.count", model, "output"): 1,
        (f"{tokens}.bucket", model, "output", "4"): 1,
        ("sixplane.characters", model, "input"): 40,
        ("sixplane.cost", model): 1.234567,
        ("sixplane.memo.hits", model): 1,
    }
    assert {point["count"] for point in found.values()} == {1}
    assert {item["dimensions"]["service"] for item in sinks.metrics()} == {"sixplane"}
    assert {(item["namespace"], item["compartmentId"]) for item in sinks.metrics()} == {
        ("sixplane", "ocid1.compartment.oc1..c")
    }


def test_cost_is_the_sum_of_its_integers_and_not_of_fractions(sinks: SinkServer, session: OCISession) -> None:
    telemetry = open_call_telemetry(settings_for(sinks.url, log_id=""), session)
    for _ in range(1000):
        telemetry.observe(call(cost_micro_usd=100_001))
    telemetry.shutdown()
    assert by_name(sinks)["sixplane.cost", "oci:meta.llama"]["value"] == 100.001


def test_nothing_configured_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    telemetry = open_call_telemetry(Settings(), None)
    telemetry.observe(call())
    telemetry.shutdown()
    assert telemetry.dropped() == {}


def test_importing_observability_imports_neither_oci_nor_the_metrics_and_logs_sdks() -> None:
    code = (
        "import sys, observability; from settings import Settings; observability.open_call_telemetry(Settings(), None);"
        "print([name for name in ('oci', 'opentelemetry.sdk.metrics', 'opentelemetry.sdk._logs',"
        " 'opentelemetry.exporter.otlp') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_dead_sinks_neither_hold_up_nor_fail_who_observes(session: OCISession) -> None:
    telemetry = open_call_telemetry(settings_for(unused_address()), session)
    for _ in range(200):
        telemetry.observe(call())
    telemetry.shutdown(3.0)
    assert telemetry.dropped() == {"oci_monitoring": 3, "oci_logging": 200}


def test_a_sink_that_never_answers_holds_up_nobody_who_observes(sinks: SinkServer, session: OCISession) -> None:
    sinks.delay_seconds = 3_600.0
    telemetry = open_call_telemetry(settings_for(sinks.url), session)
    # A sink that is asked within `observe` would wait for its read timeout 400 times here, beyond the test's own limit.
    for _ in range(200):
        telemetry.observe(call())
    assert sinks.events() == []
    telemetry.shutdown(0.3)
    assert sum(telemetry.dropped().values()) > 0


def test_a_full_queue_drops_and_counts(sinks: SinkServer, session: OCISession) -> None:
    sinks.delay_seconds = 0.3
    telemetry = open_call_telemetry(settings_for(sinks.url, metrics_namespace=""), session)
    for _ in range(3000):
        telemetry.observe(call())
    assert telemetry.dropped()["oci_logging"] >= 3000 - 2048 - 200
    sinks.delay_seconds = 0.0
    telemetry.shutdown()
    assert telemetry.dropped()["oci_logging"] + len(sinks.events()) == 3000


def test_shutdown_is_bounded_over_all_sinks_and_counts_what_is_left(sinks: SinkServer, session: OCISession) -> None:
    sinks.delay_seconds = 3_600.0
    telemetry = open_call_telemetry(settings_for(sinks.url), session)
    telemetry.observe(call())
    telemetry.shutdown(0.3)
    assert telemetry.dropped() == {"oci_monitoring": 3, "oci_logging": 1}
    telemetry.observe(call())
    telemetry.shutdown()
    assert telemetry.dropped() == {"oci_monitoring": 4, "oci_logging": 2}


def test_an_open_breaker_of_generative_ai_leaves_the_sinks_alone(sinks: SinkServer, session: OCISession) -> None:
    from circuitbreaker import CircuitBreakerError
    from oci.exceptions import ServiceError
    from oci.generative_ai_inference import GenerativeAiInferenceClient

    inference = session.client(GenerativeAiInferenceClient, name="inference", endpoint=sinks.url)
    telemetry = open_call_telemetry(settings_for(sinks.url), session)
    names = {"sixplane-inference", "sixplane-monitoring", "sixplane-logging"}
    assert names <= {breaker.name for breaker in CircuitBreakerMonitor.get_circuits()}
    sinks.answers.extend([(503, {})] * BREAKER_FAILURES)
    for _ in range(BREAKER_FAILURES):
        with pytest.raises(ServiceError):
            inference.chat({})
    with pytest.raises(CircuitBreakerError):
        inference.chat({})
    telemetry.observe(call())
    telemetry.shutdown()
    assert len(sinks.events()) == 1
    assert len(sinks.metrics()) == 3
    assert telemetry.dropped() == {"oci_monitoring": 0, "oci_logging": 0}


def test_the_standard_variables_send_metrics_by_otlp_with_the_cost_in_dollars(
    sinks: SinkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sinks.url)
    telemetry = open_call_telemetry(Settings(), None)
    telemetry.observe(call(cost_micro_usd=2_500_000))
    telemetry.shutdown()
    (request,) = sinks.received
    assert request.path == "/v1/metrics"
    sent = ExportMetricsServiceRequest.FromString(request.body).resource_metrics[0].scope_metrics[0].metrics
    (cost,) = [metric for metric in sent if metric.name == "sixplane.cost"]
    assert (cost.unit, cost.sum.data_points[0].as_double) == ("USD", 2.5)
    assert telemetry.dropped() == {"otlp_metrics": 0}


def test_an_otlp_collector_that_refuses_is_counted(sinks: SinkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{sinks.url}/v1/metrics")
    sinks.answers.append((400, {}))
    telemetry = open_call_telemetry(Settings(), None)
    telemetry.observe(call())
    telemetry.shutdown()
    assert telemetry.dropped() == {"otlp_metrics": 1}


@pytest.mark.parametrize("setting", ["metrics_namespace", "log_id"])
def test_a_sink_without_a_session_is_refused_with_its_setting(setting: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"SIXPLANE_OCI__{setting.upper()}"):
        open_call_telemetry(Settings(oci={setting: "sixplane"}), None)


def test_a_tally_that_is_given_up_counts_what_was_pending() -> None:
    tally = DeliveryTally(capacity=2)
    assert [tally.take(), tally.take(), tally.take()] == [True, True, False]
    tally.settle(1)
    assert tally.lost() == 1
    tally.close()
    assert tally.lost() == 2
    assert not tally.take()
    assert tally.lost() == 3
