"""Every way that a report takes to somebody. Each function returns all that its surface shows of one question."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import openai
from typer.testing import CliRunner

from experience.cli.app import app
from experience.http.app import create_app
from experience.mcp.serving import create_mcp_app
from experience.notebook import report_html
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_mcp import called, over_http
from tests.experience.service.test_service import ask, service_of

Way = Callable[[Path, str, Path], Awaitable[str]]


def sixplane(home: Path, *arguments: str) -> str:
    """Return what a command prints."""
    done = CliRunner().invoke(app, [*arguments, "--home", str(home)])
    assert done.exit_code == 0, done.output
    return done.output


async def by_python(home: Path, question: str, _: Path) -> str:
    async with service_of(home) as service:
        report = await service.run(ask(question, "python"))
        shown = await service.show("local", "python")
    return f"{report.model_dump_json()}{shown.model_dump_json()}"


async def by_python_events(home: Path, question: str, _: Path) -> str:
    async with service_of(home) as service:
        return "".join([event.model_dump_json() async for event in service.stream(ask(question))])


async def by_command_line(home: Path, question: str, folder: Path) -> str:
    out = folder / "out"
    asked = ("research", question, "--corpus", "small", "--thread", "cli", "--out", str(out))
    text = await asyncio.to_thread(sixplane, home, *asked)
    printed = await asyncio.to_thread(sixplane, home, "show", "cli", "--json")
    assert "verified" in await asyncio.to_thread(sixplane, home, "verify", str(out / "report.json"))
    files = {path.suffix: path.read_text() for path in out.iterdir()}
    assert set(files) == {".md", ".json", ".html"}
    bundle = folder / "bundle.zip"
    told = await asyncio.to_thread(sixplane, home, "export", "cli", "--out", str(bundle), "--texts", "none", "--force")
    assert "outcome: verified" in await asyncio.to_thread(sixplane, home, "verify", str(bundle))
    with zipfile.ZipFile(bundle) as archive:
        members = [archive.read(name).decode() for name in archive.namelist()]
    return "".join([text, printed, *files.values(), told, *members])


async def by_notebook(home: Path, question: str, _: Path) -> str:
    async with service_of(home) as service:
        return report_html(await service.run(ask(question)))


async def by_batch(home: Path, question: str, folder: Path) -> str:
    rows, outcomes = folder / "in.jsonl", folder / "out.jsonl"
    rows.write_text(json.dumps({"question": question}) + "\n")
    told = await asyncio.to_thread(sixplane, home, "batch", str(rows), "--out", str(outcomes), "--corpus", "small")
    return told + outcomes.read_text()


async def by_http(home: Path, question: str, _: Path) -> str:
    async with served(home) as url, client(url) as ann:
        whole = (await ann.post("/v1/chat", json=chat(question, "http"))).text
        events = (await ann.post("/v1/chat/stream", json=chat(question))).text
        thread = (await ann.get("/v1/threads/http")).text
    return f"{whole}{events}{thread}"


async def by_openai(home: Path, question: str, _: Path) -> str:
    asked = [{"role": "user", "content": question}]
    async with served(home, make=create_app) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann") as one:
        answer = await one.chat.completions.create(model="sixplane/small", messages=asked)
        stream = await one.chat.completions.create(model="sixplane/small", messages=asked, stream=True)
        return answer.model_dump_json() + "".join([piece.model_dump_json() async for piece in stream])


async def by_mcp(home: Path, question: str, _: Path) -> str:
    async with served(home, make=create_mcp_app) as url, over_http(url) as agent:
        begun = await called(agent, "research_start", question=question, corpus="small", thread_id="mcp")
        result = await called(agent, "research_result", run_id=begun["run_id"])
        text = (await agent.read_resource("sixplane://reports/mcp")).contents[0].text
        return f"{json.dumps(result)}{text}"


WAYS: tuple[Way, ...] = (
    by_python,
    by_python_events,
    by_command_line,
    by_notebook,
    by_batch,
    by_http,
    by_openai,
    by_mcp,
)
