"""Log lines of servers: one line each on standard error, with the time in UTC, level, logger, trace and request.

The text of an exception is left out: it may hold a question or a passage.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from opentelemetry import trace

Form = Literal["text", "json"]

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is being answered. A run that it starts keeps it."""

_TRACEBACK = "Traceback (most recent call last)"

# Lines of level info are ours alone: libraries tell at that level what they do, some with contents.
_OURS = ("experience", "gateway", "graphs", "nodes", "observability", "policy", "retrieval", "settings", "sixplane")


class Lines(logging.Formatter):
    """Formats a record as one line of text: `2026-11-28T09:30:00.123Z WARNING policy.chain: … trace=… request=…`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        told = fields(record)
        first = f"{told.pop('time')} {told.pop('level')} {told.pop('logger')}: {told.pop('message')}"
        return " ".join([first, *(f"{name}={value}" for name, value in told.items())])


class Documents(logging.Formatter):
    """Formats a record as a line of JSON: `time`, `level`, `logger`, `message`, and `trace` and `request` if known."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return json.dumps(fields(record))


def fields(record: logging.LogRecord) -> dict[str, str]:
    """Return what a line says of a record."""
    told = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "message": "".join(char if char.isprintable() else ascii(char)[1:-1] for char in _message(record)),
    }
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        told["trace"] = trace.format_trace_id(span.trace_id)
    if REQUEST.get():
        told["request"] = REQUEST.get()
    return told


def configure_logging(form: Form) -> None:
    """Write the log lines of this process to standard error. For servers, once, before they start.

    Args:
        form: `text` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Documents() if form == "json" else Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if _TRACEBACK in message:  # uvicorn logs a failed start as formatted text
        return message.partition(_TRACEBACK)[0].strip() or "an exception, whose text may hold content"
    if record.exc_info and record.exc_info[0] is not None:
        # asyncio describes a task that failed in more lines, with the text of its exception.
        first, *_ = message.splitlines() or [""]
        return f"{first}: {record.exc_info[0].__name__}"
    return message
