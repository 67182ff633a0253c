"""Telemetry: spans, records of calls, notices, and the exporters and sinks that receive them.

The metrics and logs SDKs and `oci` are imported when telemetry opens, and only for the sinks that are configured.
"""

from __future__ import annotations

from observability.calls import CallObserved, CallTelemetry
from observability.exporters import JsonLinesSpanExporter, build_tracer_provider, configure_tracing
from observability.notices import collected_notices, notice
from observability.oci_notifications import TopicPublisher, open_topic
from observability.telemetry import open_call_telemetry
from observability.trace_files import trace_files, traces_folder
from observability.tracing import (
    apart,
    made_within,
    mark_failed,
    operation_span,
    server_span,
    trace_id_of,
    untraced,
    within,
)

__all__ = [
    "CallObserved",
    "CallTelemetry",
    "JsonLinesSpanExporter",
    "TopicPublisher",
    "apart",
    "build_tracer_provider",
    "collected_notices",
    "configure_tracing",
    "made_within",
    "mark_failed",
    "notice",
    "open_call_telemetry",
    "open_topic",
    "operation_span",
    "server_span",
    "trace_files",
    "trace_id_of",
    "traces_folder",
    "untraced",
    "within",
]
