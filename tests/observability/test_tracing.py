"""Spans, where they go, and what never stands in them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from langgraph.errors import GraphInterrupt
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability import build_tracer_provider, mark_failed, operation_span, traces_folder
from settings import Settings
from state.errors import QuestionInvalid


def records(home: Path) -> list[dict[str, object]]:
    return [
        json.loads(line) for path in sorted((home / "traces").glob("*.jsonl")) for line in path.read_text().splitlines()
    ]


def test_each_span_is_written_as_it_ends_after_a_run_started_record(tmp_path: Path) -> None:
    provider = build_tracer_provider(Settings(home=tmp_path))
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("invoke_workflow research"):
        assert [record["type"] for record in records(tmp_path)] == ["run_started"]
        with tracer.start_as_current_span("execute_node a") as span:
            span.add_event("transition", {"from": "a", "to": "b"})
        assert [record["name"] for record in records(tmp_path)][1:] == ["execute_node a"]
    written = records(tmp_path)
    assert [record["type"] for record in written] == ["run_started", "span", "span"]
    assert written[1]["parent_id"] == written[2]["span_id"]
    assert written[1]["events"][0]["attributes"] == {"from": "a", "to": "b"}  # type: ignore[index]
    assert len(list(traces_folder(Settings(home=tmp_path)).glob("*.jsonl"))) == 1


def test_a_trace_folder_that_cannot_be_written_loses_no_run(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("a file in the way")
    tracer = build_tracer_provider(Settings(home=tmp_path)).get_tracer("t")
    with tracer.start_as_current_span("invoke_workflow research") as span:
        pass
    assert "sixplane.trace_file_error" in dict(span.attributes or {})  # type: ignore[attr-defined]


def test_an_errors_text_stays_out_of_its_span() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("t").start_span("x")
    mark_failed(span, QuestionInvalid("my secret question"))
    span.end()
    ended = exporter.get_finished_spans()[0]
    assert ended.attributes == {"error.type": "question_invalid"}
    assert "secret" not in ended.to_json()


def test_an_interrupt_is_no_failure() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("t").start_span("x")
    mark_failed(span, GraphInterrupt())
    span.end()
    ended = exporter.get_finished_spans()[0]
    assert ended.status.is_unset
    assert ended.attributes == {"sixplane.outcome": "GraphInterrupt"}


def test_an_error_passes_through_the_span() -> None:
    with pytest.raises(KeyError), operation_span("guard", "question"):
        raise KeyError


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()


def test_the_standard_variables_switch_otlp_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: tuple[str, list[tuple[str, bytes]]]
) -> None:
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    provider = build_tracer_provider(Settings(home=tmp_path, telemetry={"jsonl": False}))
    with provider.get_tracer("t").start_as_current_span("execute_node writer"):
        pass
    provider.shutdown()
    assert [path for path, _ in received] == ["/v1/traces"]
    assert b"execute_node writer" in received[0][1]
    assert not (tmp_path / "traces").exists()
