"""Exporters of spans: JSON lines under the home folder, OTLP over HTTP by the standard variables, OCI APM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

from observability.trace_files import TraceFiles, trace_files
from settings.process import otlp_endpoint_configured

if TYPE_CHECKING:
    from settings import Settings

_RUN = "invoke_workflow "
"""Prefix of the name of a run's root span."""


class JsonLinesSpanExporter(SpanExporter):
    """Writes each span when it ends: a killed run leaves its spans."""

    def __init__(self, files: TraceFiles) -> None:
        self._files = files

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write `spans`."""
        try:
            for span in spans:
                self._files.append(_record("span", span))
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._files.close()


class RunStartedProcessor(SpanProcessor):
    """Writes a `run_started` record when a run's root span starts: the open spans of a killed process are lost."""

    def __init__(self, files: TraceFiles) -> None:
        self._files = files

    def on_start(self, span: Span, parent_context: Any = None) -> None:  # noqa: ARG002 - OpenTelemetry's interface
        if span.name.startswith(_RUN):
            try:
                self._files.append(_record("run_started", span))
            except OSError as error:
                span.set_attribute("sixplane.trace_file_error", type(error).__name__)


BATCH_MILLISECONDS = 1000
"""How long spans wait for others where they are written in batches. A chosen value: a run is soon followed."""


def build_tracer_provider(settings: Settings, *, batched: bool = False) -> TracerProvider:
    """Return a provider with the exporters that `settings` and the standard variables configure.

    `batched` writes the trace files in a thread, with a delay: for a host that allows no writing in its event loop.

    Raises:
        SettingsInvalid: the settings of OCI APM are incomplete or not valid.
    """
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "sixplane"}))
    if settings.telemetry.jsonl:
        files = trace_files(settings)
        exporter = JsonLinesSpanExporter(files)
        if batched:
            provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=BATCH_MILLISECONDS))
        else:
            provider.add_span_processor(RunStartedProcessor(files))
            provider.add_span_processor(SimpleSpanProcessor(exporter))
    if otlp_endpoint_configured():
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if settings.oci.apm_endpoint:
        from observability.apm import apm_processor

        provider.add_span_processor(apm_processor(settings))
    return provider


def configure_tracing(settings: Settings, *, batched: bool = False) -> TracerProvider:
    """Install the process's tracer provider, unless the host application has already installed one.

    `batched` as in `build_tracer_provider`.
    """
    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        return installed
    provider = build_tracer_provider(settings, batched=batched)
    trace.set_tracer_provider(provider)
    return provider


def _record(kind: str, span: ReadableSpan) -> dict[str, Any]:
    context, parent = span.get_span_context(), span.parent
    return {
        "type": kind,
        "trace_id": _trace_id(span),
        "span_id": format(context.span_id, "016x") if context else "",
        "parent_id": format(parent.span_id, "016x") if parent else None,
        "name": span.name,
        "start": _utc(span.start_time),
        "end": _utc(span.end_time),
        "duration_ms": round((span.end_time - span.start_time) / 1e6, 3) if span.end_time and span.start_time else None,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
        "events": [
            {"name": event.name, "time": _utc(event.timestamp), "attributes": dict(event.attributes or {})}
            for event in span.events
        ],
        "links": [
            {"trace_id": format(link.context.trace_id, "032x"), "span_id": format(link.context.span_id, "016x")}
            for link in span.links
        ],
    }


def _trace_id(span: ReadableSpan) -> str:
    context = span.get_span_context()
    return format(context.trace_id, "032x") if context else ""


def _utc(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC).isoformat()
