"""Exporters of spans: JSON lines under the home folder, OTLP over HTTP by the standard variables, OCI APM."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

from settings import Settings
from settings.folders import private_folder
from settings.tree import otlp_endpoint_configured

_RUN = "invoke_workflow "
"""Prefix of the name of a run's root span."""

_OPEN_FILES = 64
"""Most trace files that stay open. A chosen value, far below the usual limit of 1,024 open files per process."""


class JsonLinesSpanExporter(SpanExporter):
    """Writes each span when it ends, one JSON object per line, one file per trace: a killed run leaves its spans.

    Files of running runs stay open, because opening a file takes longer than writing a line. They are unbuffered
    (`FileIO`), so that a line survives SIGKILL.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: OrderedDict[str, FileIO] = OrderedDict()

    def path_of(self, trace_id: str) -> Path:
        """Return the file of a trace."""
        return self._folder / f"{trace_id}.jsonl"

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            for span in spans:
                self.write(_record("span", span))
                if span.name.startswith(_RUN):
                    self._close(_trace_id(span))
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def write(self, record: dict[str, Any]) -> None:
        """Append one record to the file of its trace."""
        line = json.dumps(record, ensure_ascii=False) + "\n"
        with self._lock:
            self._file(record["trace_id"]).write(line.encode(errors="replace"))

    def shutdown(self) -> None:
        """Close the files."""
        for trace_id in tuple(self._open):
            self._close(trace_id)

    def _file(self, trace_id: str) -> FileIO:
        file = self._open.get(trace_id)
        if file is None:
            private_folder(self._folder)
            file = self._open[trace_id] = FileIO(self.path_of(trace_id), "a")
            if len(self._open) > _OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(trace_id)
        return file

    def _close(self, trace_id: str) -> None:
        with self._lock:
            file = self._open.pop(trace_id, None)
            if file is not None:
                file.close()


class RunStartedProcessor(SpanProcessor):
    """Writes a `run_started` record when a run's root span starts: the open spans of a killed process are lost."""

    def __init__(self, exporter: JsonLinesSpanExporter) -> None:
        self._exporter = exporter

    def on_start(self, span: Span, parent_context: Any = None) -> None:  # noqa: ARG002 - OpenTelemetry's interface
        if span.name.startswith(_RUN):
            try:
                self._exporter.write(_record("run_started", span))
            except OSError as error:
                span.set_attribute("sixplane.trace_file_error", type(error).__name__)


def traces_folder(settings: Settings) -> Path:
    """Return the folder of the trace files."""
    return settings.home / "traces"


def forget_traces(settings: Settings, tenant: str, thread_id: str) -> None:
    """Delete the trace files of a thread. Other exporters have theirs by then.

    A caller may use one trace for several threads. Its file goes with the first of them: spans of models name none.
    """
    for path in traces_folder(settings).glob("*.jsonl"):
        with path.open(encoding="utf-8", errors="replace") as file:
            found = any(_tells_of(line, tenant, thread_id) for line in file)
        if found:
            path.unlink(missing_ok=True)


def _tells_of(line: str, tenant: str, thread_id: str) -> bool:
    """Return whether a line is the span of a run of the thread."""
    if thread_id not in line:
        return False
    try:
        attributes = json.loads(line).get("attributes", {})
    except ValueError:  # a process was killed while it wrote the line
        return False
    return (attributes.get("sixplane.tenant"), attributes.get("gen_ai.conversation.id")) == (tenant, thread_id)


def build_tracer_provider(settings: Settings) -> TracerProvider:
    """Return a provider with the exporters that `settings` and the standard variables configure.

    Raises:
        SettingsInvalid: the settings of OCI APM are incomplete or not valid.
    """
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "sixplane"}))
    if settings.telemetry.jsonl:
        exporter = JsonLinesSpanExporter(traces_folder(settings))
        provider.add_span_processor(RunStartedProcessor(exporter))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    if otlp_endpoint_configured():
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if settings.oci.apm_endpoint:
        from observability.apm import apm_processor

        provider.add_span_processor(apm_processor(settings))
    return provider


def configure_tracing(settings: Settings) -> TracerProvider:
    """Install the process's tracer provider, unless the host application has already installed one."""
    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        return installed
    provider = build_tracer_provider(settings)
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
