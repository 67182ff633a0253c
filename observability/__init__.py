"""What is seen: spans and where they go."""

from __future__ import annotations

from observability.exporters import JsonLinesSpanExporter, build_tracer_provider, configure_tracing, traces_folder
from observability.tracing import mark_failed, operation_span, trace_id_of

__all__ = [
    "JsonLinesSpanExporter",
    "build_tracer_provider",
    "configure_tracing",
    "mark_failed",
    "operation_span",
    "trace_id_of",
    "traces_folder",
]
