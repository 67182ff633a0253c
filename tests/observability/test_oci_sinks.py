"""The sinks of OCI over HTTP, with the SDK's own clients."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from oci.monitoring import MonitoringClient
from oci.signer import Signer
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from observability import TopicPublisher, build_tracer_provider, open_call_telemetry, open_topic
from observability.apm import ApmSpanProcessor
from observability.delivery_tally import DeliveryTally
from observability.oci_delivery import sink_client
from observability.oci_monitoring import ENDPOINT_TEMPLATE, OCIMonitoringExporter, dimensions, in_window
from settings import Settings
from settings.connections.oci_session import OCISession
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oci import LocalOCI
from tests.doubles.waiting import SAFETY_SECONDS
from tests.observability.sink_server import SinkServer, throwaway_session, unused_address
from tests.observability.test_call_telemetry import call, settings_for

REFUSED = {"code": "NotAuthorizedOrNotFound", "message": "no such thing as my secret"}
TOPIC = "ocid1.onstopic.oc1..t"


def collected(streams: int) -> MetricsData:
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader], shutdown_on_exit=False).get_meter("t").create_counter("sixplane.memo.hits")
    for number in range(streams):
        counter.add(1, {"service": "sixplane", "model": f"m{number}"})
    data = reader.get_metrics_data()
    assert data is not None
    return data


@pytest.fixture
def exporter(sinks: SinkServer, session: OCISession) -> tuple[OCIMonitoringExporter, DeliveryTally]:
    tally = DeliveryTally()
    client = sink_client(session, MonitoringClient, name="monitoring", endpoint=sinks.url)
    return OCIMonitoringExporter(client, "sixplane", session.compartment_id, tally), tally


def test_more_than_fifty_streams_go_in_several_calls(
    sinks: SinkServer, exporter: tuple[OCIMonitoringExporter, DeliveryTally]
) -> None:
    assert exporter[0].export(collected(120)) is MetricExportResult.SUCCESS
    assert [len(each.json["metricData"]) for each in sinks.received] == [50, 50, 20]
    assert len({item["dimensions"]["model"] for item in sinks.metrics()}) == 120
    assert exporter[1].lost() == 0


def test_metrics_that_the_service_refuses_within_a_success_are_counted(
    sinks: SinkServer, exporter: tuple[OCIMonitoringExporter, DeliveryTally]
) -> None:
    sinks.answers.append((200, {"failedMetricsCount": 3, "failedMetrics": []}))
    assert exporter[0].export(collected(60)) is MetricExportResult.FAILURE
    assert exporter[1].lost() == 3
    assert len(sinks.metrics()) == 60


def test_one_refused_batch_does_not_stop_the_next(
    sinks: SinkServer, exporter: tuple[OCIMonitoringExporter, DeliveryTally], caplog: pytest.LogCaptureFixture
) -> None:
    sinks.answers.append((404, REFUSED))
    assert exporter[0].export(collected(60)) is MetricExportResult.FAILURE
    assert exporter[1].lost() == 50
    assert [len(each.json["metricData"]) for each in sinks.received] == [50, 10]
    assert "HTTP 404 NotAuthorizedOrNotFound" in caplog.text
    assert "secret" not in caplog.text


def test_data_points_outside_the_services_window_are_dropped_and_counted(
    sinks: SinkServer, exporter: tuple[OCIMonitoringExporter, DeliveryTally]
) -> None:
    data = collected(3)
    first = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
    object.__setattr__(first, "time_unix_nano", time.time_ns() - int(2.1 * 3600e9))
    assert exporter[0].export(data) is MetricExportResult.FAILURE
    assert exporter[1].lost() == 1
    assert len(sinks.metrics()) == 2
    assert [in_window(time.time_ns() + int(minutes * 60e9)) for minutes in (-119, 9, 11)] == [True, True, False]


def test_dimensions_become_valid() -> None:
    given = {"a b": "x", "ünit": " y ", "empty": "", "blank": " \n", "k" * 300: "v" * 600, "n": 3}
    assert dimensions(given) == {"a_b": "x", "_nit": "y", "k" * 256: "v" * 512, "n": "3"}
    assert len(dimensions({f"d{number}": "x" for number in range(30)})) == 20


@pytest.mark.parametrize("namespace", ["oci_mine", "Oracle_x", "1st", "with-dash", "with space", "ünit"])
def test_a_namespace_that_custom_metrics_may_not_have_is_refused(namespace: str, session: OCISession) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        open_call_telemetry(Settings(oci={"metrics_namespace": namespace}), session)
    assert "SIXPLANE_OCI__METRICS_NAMESPACE" in raised.value.hint


def test_metrics_go_to_the_ingestion_endpoint_of_the_region_with_short_timeouts(session: OCISession) -> None:
    patient = throwaway_session(timeout=(10.0, 60.0))
    client = sink_client(patient, MonitoringClient, name="monitoring", endpoint="", template=ENDPOINT_TEMPLATE)
    assert client.base_client.endpoint == "https://telemetry-ingestion.us-chicago-1.oraclecloud.com/20180401"
    assert client.base_client.timeout == (2.0, 5.0)


def test_an_endpoint_that_is_none_is_refused(session: OCISession) -> None:
    with pytest.raises(SettingsInvalid, match="SIXPLANE_OCI__LOGGING_ENDPOINT"):
        open_call_telemetry(settings_for("127.0.0.1:1", metrics_namespace=""), session)


def test_a_transient_failure_of_logging_is_tried_once_more(sinks: SinkServer, session: OCISession) -> None:
    sinks.answers.append((503, {"code": "Unavailable", "message": ""}))
    telemetry = open_call_telemetry(settings_for(sinks.url, metrics_namespace=""), session)
    telemetry.observe(call())
    telemetry.shutdown()
    first, second = sinks.received
    assert first.json["logEntryBatches"][0]["entries"] == second.json["logEntryBatches"][0]["entries"]
    assert telemetry.dropped() == {"oci_logging": 0}


def test_a_refusal_of_logging_is_not_tried_again_and_told_without_its_text(
    sinks: SinkServer, session: OCISession, caplog: pytest.LogCaptureFixture
) -> None:
    sinks.answers.append((404, REFUSED))
    telemetry = open_call_telemetry(settings_for(sinks.url, metrics_namespace=""), session)
    telemetry.observe(call())
    with caplog.at_level(logging.DEBUG):
        telemetry.shutdown()
    assert len(sinks.received) == 1
    assert telemetry.dropped() == {"oci_logging": 1}
    assert "HTTP 404 NotAuthorizedOrNotFound" in caplog.text
    assert "secret" not in caplog.text


def publisher(sinks: str, session: OCISession) -> TopicPublisher:
    found = open_topic(Settings(oci={"topic_id": TOPIC, "notifications_endpoint": sinks}), session)
    assert found is not None
    return found


async def test_a_message_is_published(sinks: SinkServer, session: OCISession) -> None:
    await publisher(sinks.url, session).publish("The budget\nis near", "80 % of it")
    (request,) = sinks.received
    assert request.path == f"/20181201/topics/{TOPIC}/messages"
    assert request.json == {"title": "The budget is near", "body": "80 % of it"}
    assert request.headers["authorization"].startswith("Signature ")


async def test_a_message_is_cut_at_64_kilobytes_between_characters(sinks: SinkServer, session: OCISession) -> None:
    await publisher(sinks.url, session).publish("title", "ü" * 50_000)
    body = sinks.received[0].json["body"]
    assert 64 * 1024 - 10 < len(("title" + body).encode()) <= 64 * 1024
    assert body.endswith("ü […]")


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "clock"), (404, "ons-topics"), (429, "60 messages"), (500, "NOTIFICATIONS_ENDPOINT")]
)
async def test_a_failed_publication_names_its_remedy(
    status: int, hint: str, sinks: SinkServer, session: OCISession
) -> None:
    sinks.answers.append((status, REFUSED))
    with pytest.raises(DependencyUnavailable, match=f"HTTP {status}") as raised:
        await publisher(sinks.url, session).publish("t", "b")
    assert hint in raised.value.hint
    assert "secret" not in raised.value.message
    assert len(sinks.received) == 1


async def test_a_topic_that_cannot_be_reached_is_a_dependency_that_is_down(session: OCISession) -> None:
    with pytest.raises(DependencyUnavailable) as raised:
        await publisher(unused_address(), session).publish("t", "b")
    assert "network" in raised.value.hint


def test_no_topic_no_publisher(session: OCISession) -> None:
    assert open_topic(Settings(), session) is None
    with pytest.raises(SettingsInvalid):
        open_topic(Settings(oci={"topic_id": TOPIC}), None)


def apm(tmp_path: Path, **oci: str) -> TracerProvider:
    return build_tracer_provider(Settings(home=tmp_path, telemetry={"jsonl": False}, oci=oci))


def test_apm_receives_spans_with_the_data_key(sinks: SinkServer, tmp_path: Path) -> None:
    provider = apm(tmp_path, apm_endpoint=f"{sinks.url}/", apm_data_key="THE-KEY\n")
    with provider.get_tracer("t").start_as_current_span("execute_node writer"):
        pass
    provider.shutdown()
    (request,) = sinks.received
    assert request.path == "/20200101/opentelemetry/private/v1/traces"
    assert request.headers["authorization"] == "dataKey THE-KEY"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert b"execute_node writer" in request.body


def test_without_an_apm_endpoint_nothing_is_sent(sinks: SinkServer, tmp_path: Path) -> None:
    provider = apm(tmp_path, apm_data_key="THE-KEY")
    with provider.get_tracer("t").start_as_current_span("execute_node writer"):
        pass
    provider.shutdown()
    assert sinks.received == []


@pytest.mark.parametrize("key", ["", "two words", "wïth"])
def test_apm_without_a_key_is_refused_with_its_setting(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        apm(tmp_path, apm_endpoint="https://apm.example", apm_data_key=key)
    assert "SIXPLANE_OCI__APM_DATA_KEY" in raised.value.hint
    assert key not in raised.value.message or not key


class Hanging(SpanExporter):
    """Holds each batch until it is told to fail it, as a dead endpoint does."""

    def __init__(self) -> None:
        self.batches, self.fail = 0, threading.Event()

    def export(self, spans: object) -> SpanExportResult:
        self.batches += 1
        self.fail.wait(SAFETY_SECONDS)
        return SpanExportResult.FAILURE


def test_a_dead_apm_neither_slows_a_run_nor_delays_its_exit() -> None:
    provider, dead = TracerProvider(shutdown_on_exit=False), Hanging()
    provider.add_span_processor(ApmSpanProcessor(dead, delay_seconds=60))
    tracer = provider.get_tracer("t")
    for _ in range(2000):
        tracer.start_span("execute_node writer").end()
    # Reached at all: the sink is still held here, so ending a span did not wait for it.
    assert not dead.fail.is_set()
    dead.fail.set()
    provider.shutdown()
    assert dead.batches == 1


async def test_all_sinks_sign_what_the_local_oci_accepts(session: OCISession, tmp_path: Path) -> None:
    with LocalOCI(data_key="THE-KEY") as oci:
        signer = Signer(
            *(oci.config[part] for part in ("tenancy", "user", "fingerprint")),
            private_key_file_location=None,
            private_key_content=oci.config["key_content"],
        )
        local = replace(session, config=oci.config, signer=signer)
        telemetry = open_call_telemetry(settings_for(oci.url), local)
        telemetry.observe(call())
        telemetry.shutdown()
        await publisher(oci.url, local).publish("title", "body")
        provider = apm(tmp_path, apm_endpoint=oci.url, apm_data_key="THE-KEY")
        provider.get_tracer("t").start_span("execute_node writer").end()
        provider.shutdown()
        assert not oci.rejected
        assert {item["name"] for item in oci.seen.metrics} == {
            f"gen_ai.client.operation.duration.{part}" for part in ("sum", "count", "bucket")
        }
        assert [json.loads(entry["data"])["model"] for entry in oci.seen.log_entries] == ["oci:meta.llama"]
        assert oci.seen.messages == [{"title": "title", "body": "body"}]
        assert [span.name for span in oci.seen.spans] == ["execute_node writer"]
