"""One trace a question: the run under the server's span, guards under the run; nothing of requests that do nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability import configure_tracing
from settings import Settings
from tests.experience.http.conftest import chat, client, served

CALLER = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans(tmp_path: Path) -> Any:
    """What the process exports from here on."""
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider = configure_tracing(Settings(home=tmp_path / "first"))
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(processor)
    yield exporter.get_finished_spans
    exporter.shutdown()


@pytest.fixture
async def ann(home: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with served(home) as url, client(url) as one:
        yield one


def parents(spans: tuple[ReadableSpan, ...]) -> dict[str, str]:
    """The name of each span's parent; empty for one that begins a trace."""
    named = {span.get_span_context().span_id: span.name for span in spans}
    return {span.name: named[span.parent.span_id] if span.parent else "" for span in spans}


@pytest.mark.parametrize("header", [{}, {"traceparent": f"00-{CALLER}-b7ad6b7169203331-00"}, {"traceparent": "x"}])
async def test_a_question_is_one_trace_of_ours_linked_to_the_callers(
    ann: httpx.AsyncClient, spans: Any, header: dict[str, str]
) -> None:
    report = (await ann.post("/v1/chat", json=chat(), headers=header)).json()
    found = spans()
    assert {format(span.get_span_context().trace_id, "032x") for span in found} == {report["trace_id"]}
    assert report["trace_id"] != CALLER
    of = parents(found)
    assert of["POST /v1/chat"] == ""
    assert of["invoke_workflow research"] == "POST /v1/chat"
    assert of["guard question"] in ("invoke_workflow research", "execute_node guard_input")
    assert "" not in {of[name] for name in of if name != "POST /v1/chat"}
    (server,) = [span for span in found if span.name == "POST /v1/chat"]
    assert server.attributes["http.response.status_code"] == 200
    linked = [format(link.context.trace_id, "032x") for link in server.links]
    assert linked == ([CALLER] if CALLER in header.get("traceparent", "") else [])


async def test_each_question_of_a_batch_has_its_trace(ann: httpx.AsyncClient, spans: Any) -> None:
    items = (await ann.post("/v1/batch", json={"requests": [chat(), chat()]})).json()["items"]
    ids = {item["report"]["trace_id"] for item in items}
    runs = [span for span in spans() if span.name == "invoke_workflow research"]
    (server,) = [span for span in spans() if span.name == "POST /v1/batch"]
    assert len(ids) == 2
    assert {format(run.get_span_context().trace_id, "032x") for run in runs} == ids
    assert {link.context.span_id for run in runs for link in run.links} == {server.get_span_context().span_id}


async def test_requests_that_did_nothing_leave_nothing(home: Path, spans: Any) -> None:
    async with served(home) as url, client(url, None) as nobody, client(url) as ann, client(url, "root") as root:
        before = Counter(span.name for span in spans())
        for sender, method, path, status in (
            (nobody, "GET", "/v1/health/live", 200), (nobody, "GET", "/v1/health/ready", 200),
            (root, "GET", "/v1/health", 200), (nobody, "POST", "/v1/chat", 401), (ann, "POST", "/v1/nowhere", 404),
            (ann, "DELETE", "/v1/threads/none", 404), (ann, "GET", "/v1/threads", 200), (ann, "PUT", "/v1/chat", 405),
        ):  # fmt: skip
            answer = await sender.request(method, path)
            assert answer.status_code == status, path
        missing = await ann.post("/v1/chat", json=chat(corpus="none"))
        assert missing.status_code == 404
    assert Counter(span.name for span in spans()) == before
