"""Log lines of servers: one line each, with what an operator looks for, and without what a question may say."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from observability.log_lines import REQUEST, Documents, Lines

SECRET = "Is the merger with Falcon true?"


def record(message: str, *given: object, error: BaseException | None = None) -> logging.LogRecord:
    """Return a record of 09:30 UTC, with the exception that was raised."""
    told = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord("policy.chain", logging.WARNING, __file__, 1, message, given, told)
    made.created = 1795858200.123
    return made


def test_a_line_has_time_level_and_logger() -> None:
    assert Lines().format(record("a guard failed: %s", "pii")) == (
        "2026-11-28T09:30:00.123Z WARNING policy.chain: a guard failed: pii"
    )


@pytest.mark.parametrize("formatter", [Lines(), Documents()])
def test_trace_and_request_are_named_where_they_are_known(formatter: logging.Formatter) -> None:
    token = REQUEST.set("req_7")
    try:
        with trace.use_span(NonRecordingSpan(SpanContext(0xAB, 0xCD, False, TraceFlags(1)))):
            line = formatter.format(record("a run failed"))
    finally:
        REQUEST.reset(token)
    assert "0" * 30 + "ab" in line
    assert "req_7" in line


def test_a_line_of_json_holds_the_same() -> None:
    assert json.loads(Documents().format(record("ü"))) == {
        "time": "2026-11-28T09:30:00.123Z",
        "level": "WARNING",
        "logger": "policy.chain",
        "message": "ü",
    }


@pytest.mark.parametrize("message", ["one\ntwo", "one\r\ntwo", "one\u2028two", "one\x1b[2Jtwo", "one\x00two"])
@pytest.mark.parametrize("formatter", [Lines(), Documents()])
def test_a_message_is_one_line_that_no_terminal_obeys(message: str, formatter: logging.Formatter) -> None:
    line = formatter.format(record("%s", message))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_the_text_of_an_exception_is_left_out() -> None:
    error = ValueError(SECRET)
    told = (
        record("a run failed", error=error),
        record(f"Task exception was never retrieved\nfuture: {error!r}", error=error),
        record(f"Traceback (most recent call last):\n  x\nValueError: {error}"),
    )
    lines = [Lines().format(each) for each in told]
    assert not [line for line in lines if "Falcon" in line]
    assert "a run failed: ValueError" in lines[0]
    assert "Task exception was never retrieved: ValueError" in lines[1]


CONFIGURED = """
import logging, warnings
from observability.log_lines import configure_logging
configure_logging({!r})
configure_logging({!r})
logging.getLogger("experience.service.upkeep").info("ours")
logging.getLogger("sixplane.access").warning("ours too")
logging.getLogger("uvicorn.error").info("theirs")
logging.getLogger("uvicorn.error").warning("theirs, of weight")
warnings.warn("old")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_server_writes_them_to_standard_error_alone(form: str) -> None:
    program = CONFIGURED.format(form, form)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert done.stdout == ""
    assert len(lines) == 4
    if form == "json":
        assert [json.loads(line)["message"] for line in lines[:3]] == ["ours", "ours too", "theirs, of weight"]
    assert all(re.search(r"\d\dZ|\"time\"", line) for line in lines)
