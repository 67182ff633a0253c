"""Writes one test entry to each telemetry service of OCI, for `sixplane doctor --live`.

Opening a service checks its settings and sends nothing. The function that it returns writes the entry.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from observability import open_topic
from observability.oci_delivery import sink_client
from settings import Settings
from settings.connections.oci_session import OCISession
from settings.tree import standard_ca_bundle
from state.errors import DependencyUnavailable

EVENT = "sixplane.doctor"
_APM_SECONDS = 5.0
"""The timeout of the test span. A chosen value."""

Write = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Sink:
    """A telemetry service of OCI.

    Args:
        name: the name of its check.
        setting: the setting that enables it.
        policy: the IAM policy that it needs.
        open: checks its settings and returns the function that writes a test entry.
    """

    name: str
    setting: str
    policy: str
    open: Callable[[Settings, OCISession], Write]

    @property
    def variable(self) -> str:
        """The environment variable of the setting."""
        return f"SIXPLANE_OCI__{self.setting.upper()}"


def _logging(settings: Settings, session: OCISession) -> Write:
    from oci.loggingingestion import LoggingClient
    from oci.loggingingestion.models import LogEntry, LogEntryBatch, PutLogsDetails

    client: Any = sink_client(session, LoggingClient, name="logging", endpoint=settings.oci.logging_endpoint)

    async def write() -> None:
        now = datetime.now(UTC)
        entry = LogEntry(data=json.dumps({"event": EVENT}), id=str(uuid4()), time=now)
        batch = LogEntryBatch(entries=[entry], source="sixplane", type=EVENT, defaultlogentrytime=now)
        details = PutLogsDetails(specversion="1.0", log_entry_batches=[batch])
        await asyncio.to_thread(client.put_logs, settings.oci.log_id, details)

    return write


def _monitoring(settings: Settings, session: OCISession) -> Write:
    from oci.monitoring import MonitoringClient
    from oci.monitoring.models import Datapoint, MetricDataDetails, PostMetricDataDetails

    from observability.oci_monitoring import ENDPOINT_TEMPLATE, checked_namespace

    namespace, endpoint = checked_namespace(settings.oci.metrics_namespace), settings.oci.monitoring_endpoint
    client: Any = sink_client(
        session, MonitoringClient, name="monitoring", endpoint=endpoint, template=ENDPOINT_TEMPLATE
    )

    async def write() -> None:
        metric = MetricDataDetails(
            namespace=namespace,
            compartment_id=session.compartment_id,
            name="doctor",
            dimensions={"service": "sixplane"},
            datapoints=[Datapoint(timestamp=datetime.now(UTC), value=1.0, count=1)],
        )
        answer = await asyncio.to_thread(client.post_metric_data, PostMetricDataDetails(metric_data=[metric]))
        # Monitoring answers 200 even if it refuses the data point; only this count shows it.
        if getattr(answer.data, "failed_metrics_count", 0):
            raise DependencyUnavailable(
                "the service refused the metric", hint="check SIXPLANE_OCI__METRICS_NAMESPACE and this machine's clock"
            )

    return write


def _notifications(settings: Settings, session: OCISession) -> Write:
    topic = open_topic(settings, session)

    async def write() -> None:
        if topic is not None:
            await topic.publish("Sixplane: a test message", "`sixplane doctor --live` sent this message.")

    return write


def open_apm(settings: Settings) -> Write:
    """Return the function that sends one span to APM.

    Raises:
        SettingsInvalid: the endpoint or the data key has the wrong form.
    """
    from observability.apm import TRACES_PATH, apm_processor

    apm_processor(settings).shutdown()  # only to check the settings: its exporter drops errors, so it is not used
    url = settings.oci.apm_endpoint.strip().rstrip("/") + TRACES_PATH
    key = settings.oci.apm_data_key.get_secret_value().strip()

    async def write() -> None:
        import httpx

        bundle = standard_ca_bundle()
        trust = ssl.create_default_context(cafile=bundle) if bundle else True
        headers = {"Authorization": f"dataKey {key}", "Content-Type": "application/x-protobuf"}
        async with httpx.AsyncClient(timeout=_APM_SECONDS, headers=headers, verify=trust) as client:
            answer = await client.post(url, content=_one_span())
        if answer.is_error:
            raise DependencyUnavailable(
                f"APM answered with HTTP {answer.status_code}",
                hint="check SIXPLANE_OCI__APM_ENDPOINT and that SIXPLANE_OCI__APM_DATA_KEY is its private data key",
            )

    return write


def _one_span() -> bytes:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "sixplane"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    provider.get_tracer("sixplane").start_span(EVENT).end()
    encoded: bytes = encode_spans(spans.get_finished_spans()).SerializeToString()
    return encoded


SINKS = (
    Sink("oci logging", "log_id", "allow group … to use log-content in compartment …", _logging),
    Sink("oci monitoring", "metrics_namespace", "allow group … to use metrics in compartment …", _monitoring),
    Sink("oci notifications", "topic_id", "allow group … to use ons-topics in compartment …", _notifications),
)
"""The services whose requests the OCI session signs. APM is not among them: it uses a data key."""
