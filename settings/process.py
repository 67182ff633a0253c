"""Environment variables of libraries. Those that are read on import are set first, and never override the user's."""

from __future__ import annotations

import os

_DEFAULTS = {
    # Without it LangGraph only warns about types that no channel contains, and loads them from a checkpoint.
    "LANGGRAPH_STRICT_MSGPACK": "true",
    # The tokenizer would start a thread for each core, beside our own worker threads, and warn after a fork.
    "TOKENIZERS_PARALLELISM": "false",
}


def set_process_defaults() -> None:
    """Enable strict deserialisation of checkpoints; disable the tokenizer's own threads."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def otlp_endpoint_configured() -> bool:
    """Whether a standard `OTEL_EXPORTER_OTLP_*ENDPOINT` variable is set."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "TRACES_"))


def otlp_metrics_endpoint_configured() -> bool:
    """Whether a standard variable names an OTLP endpoint for metrics."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "METRICS_"))
