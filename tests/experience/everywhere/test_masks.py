"""Personal data of the evidence leaves on no surface: one corpus, one question, every way a report reaches somebody."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typer.testing import CliRunner

from experience.cli.app import app
from experience.http.app import create_app
from experience.mcp.serving import create_mcp_app
from experience.notebook import report_html
from nodes.rendering import MASK
from retrieval import open_corpus
from settings import Settings
from tests.experience.conftest import write_documents
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_mcp import called, over_http
from tests.experience.service.test_service import ask, service_of

ADDRESS, NUMBER = "jane.doe@heron-shipping.com", "+49 30 90182041"
QUESTION = "Who answers questions about the Heron contract?"
TEXT = f"# Contacts\n\nJane Doe answers questions about the Heron contract at {ADDRESS} or {NUMBER}.\n"


@pytest.fixture(scope="module")
def contacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose corpus `small` holds a sentence with an address and a number, which answers the question."""
    root = tmp_path_factory.mktemp("contacts")
    documents = write_documents(root / "docs", {"contacts.md": TEXT})

    async def ingest() -> None:
        async with open_corpus(Settings(home=root / "home"), "small") as corpus:
            await corpus.ingest([documents])

    asyncio.run(ingest())
    return root / "home"


def sixplane(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--home", str(home)])
    assert done.exit_code == 0, done.output
    return done.output


async def by_python(home: Path, folder: Path) -> str:
    async with service_of(home) as service:
        report = await service.run(ask(QUESTION, "python"))
        shown = await service.show("local", "python")
    frame = report_html(report)
    return f"{report.model_dump_json()}{shown.model_dump_json()}{frame}"


async def by_python_events(home: Path, folder: Path) -> str:
    async with service_of(home) as service:
        return "".join([event.model_dump_json() async for event in service.stream(ask(QUESTION))])


async def by_command_line(home: Path, folder: Path) -> str:
    out = folder / "out"
    asked = ("research", QUESTION, "--corpus", "small", "--thread", "cli")
    text = await asyncio.to_thread(sixplane, home, *asked, "--out", str(out))
    printed = await asyncio.to_thread(sixplane, home, "show", "cli", "--json")
    files = {path.suffix: path.read_text() for path in out.iterdir()}
    assert set(files) == {".md", ".json", ".html"}
    return "".join([text, printed, *files.values()])


async def by_batch(home: Path, folder: Path) -> str:
    rows, outcomes = folder / "in.jsonl", folder / "out.jsonl"
    rows.write_text(json.dumps({"question": QUESTION}) + "\n")
    told = await asyncio.to_thread(sixplane, home, "batch", str(rows), "--out", str(outcomes), "--corpus", "small")
    return told + outcomes.read_text()


async def by_http(home: Path, folder: Path) -> str:
    async with served(home) as url, client(url) as ann:
        whole = (await ann.post("/v1/chat", json=chat(QUESTION, "http"))).text
        events = (await ann.post("/v1/chat/stream", json=chat(QUESTION))).text
        thread = (await ann.get("/v1/threads/http")).text
    return f"{whole}{events}{thread}"


async def by_openai(home: Path, folder: Path) -> str:
    asked = [{"role": "user", "content": QUESTION}]
    async with served(home, make=create_app) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann") as one:
        answer = await one.chat.completions.create(model="sixplane/small", messages=asked)
        stream = await one.chat.completions.create(model="sixplane/small", messages=asked, stream=True)
        return answer.model_dump_json() + "".join([piece.model_dump_json() async for piece in stream])


async def by_mcp(home: Path, folder: Path) -> str:
    async with served(home, make=create_mcp_app) as url, over_http(url) as agent:
        begun = await called(agent, "research_start", question=QUESTION, corpus="small")
        return json.dumps(await called(agent, "research_result", run_id=begun["run_id"]))


WAYS = (by_python, by_python_events, by_command_line, by_batch, by_http, by_openai, by_mcp)


@pytest.mark.parametrize("way", WAYS)
async def test_a_masked_address_is_on_no_surface(way, contacts, tmp_path):
    seen = await way(contacts, tmp_path)
    assert "Jane Doe answers questions about the Heron contract" in seen, "the sentence itself is published"
    assert ADDRESS not in seen
    assert NUMBER not in seen
    assert MASK * len(ADDRESS) in seen or json.dumps(MASK * len(ADDRESS))[1:-1] in seen


async def test_the_report_says_what_was_masked_and_no_span_holds_it(contacts):
    exporter = InMemorySpanExporter()
    async with service_of(contacts) as service:
        # The process has one tracer provider, whichever test opened it: its own exporter sees this run.
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
        report = await service.run(ask(QUESTION))
    assert report.status == "answered"
    assert {report.markdown[mask.start : mask.end].strip(MASK) for mask in report.masks} == {""}
    assert len(report.masks) == 2
    spans = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "execute_node publish" in spans
    assert ADDRESS not in spans
    assert NUMBER not in spans
