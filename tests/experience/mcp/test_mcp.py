"""The MCP server called by the official client, over stdio and HTTP: every tool, the resources, and errors."""

from __future__ import annotations

import json
import os
import sys
from contextlib import asynccontextmanager

import httpx
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from experience.mcp.serving import create_mcp_app
from retrieval import open_corpus
from settings import load_settings
from state.report import Report
from tests.doubles.poison import DOCUMENTS, POLICY, checked
from tests.doubles.poison import QUERY as POISON_QUERY
from tests.doubles.waiting import SAFETY_SECONDS
from tests.experience.http.conftest import served
from tests.experience.service.helpers import SLOW, held_plan

QUESTION = "What is the price of Tariff A?"
TOOLS = {
    "delete_corpus", "delete_document", "delete_thread", "ingest", "list_corpora", "list_threads", "research_cancel",
    "research_result", "research_resume", "research_start", "research_status", "search",
}  # fmt: skip


@asynccontextmanager
async def over_http(url, name="ann"):
    async with (
        httpx.AsyncClient(headers={"authorization": f"Bearer {name}"}, timeout=SAFETY_SECONDS) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        yield client


@pytest.fixture
async def url(home):
    async with served(home, make=create_mcp_app) as address:
        yield address


async def called(client, name, **arguments):
    answer = await client.call_tool(name, arguments)
    if answer.is_error:
        return json.loads(answer.content[0].text)
    return answer.structured_content


async def test_a_run_is_started_watched_and_fetched(url):
    async with over_http(url) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        begun = await called(client, "research_start", question=QUESTION, corpus="small", thread_id="t")
        told = []

        async def progress(done, total, message):
            told.append((done, total, message))

        answer = await client.call_tool("research_result", {"run_id": begun["run_id"]}, progress_callback=progress)
        result = answer.structured_content
        report = Report.model_validate(result["report"])
        assert (result["status"], report.run_id, report.thread_id) == ("answered", begun["run_id"], "t")
        assert "12 dollars" in report.markdown
        assert told[-1][2] == "publish"
        assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
        status = await called(client, "research_status", run_id=begun["run_id"])
        assert status["nodes"][-1] == "publish"


async def test_reports_and_passages_are_resources(url):
    async with over_http(url) as client:
        begun = await called(client, "research_start", question=QUESTION, corpus="small", thread_id="t")
        report = (await called(client, "research_result", run_id=begun["run_id"]))["report"]
        text = (await client.read_resource("sixplane://reports/t")).contents[0].text
        assert "12 dollars" in text
        evidence = report["evidence"][0]
        passage = (await client.read_resource(f"sixplane://passages/small/{evidence['id']}")).contents[0].text
        assert json.loads(passage)["text"] == evidence["text"]
        for missing in ("sixplane://reports/none", "sixplane://passages/small/E0", "sixplane://passages/none/E0"):
            with pytest.raises(MCPError):
                await client.read_resource(missing)


async def test_documents_are_ingested_and_found(url):
    document = {"name": "x.md", "text": "Tariff X costs 99 dollars."}
    async with over_http(url) as client:
        assert (await called(client, "ingest", corpus="fresh", documents=[document]))["added"] == 1
        found = (await called(client, "search", query="Tariff X", corpus="fresh"))["passages"]
        assert (found[0]["source"], found[0]["text"]) == ("x.md", document["text"])


async def test_an_ingestion_sends_progress(url):
    documents = [{"name": f"{name}.md", "text": f"Tariff {name} costs 99 dollars."} for name in "xy"]
    told = []

    async def progress(done, total, message):
        told.append((done, total, message))

    async with over_http(url) as client:
        given = {"corpus": "fresh", "documents": documents}
        answer = await client.call_tool("ingest", given, progress_callback=progress)
        assert answer.structured_content["added"] == 2
        assert told[0] == (0, 2, "0 documents, 0 passages, 0 failed")
        assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})


async def test_documents_corpora_and_threads_are_removed(url):
    documents = [{"name": name, "text": f"Tariff of {name} costs 99 dollars."} for name in ("x.md", "y.md")]
    async with over_http(url) as client:
        begun = await called(client, "research_start", question=QUESTION, corpus="small", thread_id="gone")
        await called(client, "research_result", run_id=begun["run_id"])
        await called(client, "ingest", corpus="fresh", documents=documents)
        removed = await called(client, "delete_document", corpus="fresh", document="x.md")
        assert (removed["documents"], removed["document_ids"]) == (1, ["x.md"])
        found = (await called(client, "search", query="Tariff", corpus="fresh"))["passages"]
        assert [each["source"] for each in found] == ["y.md"]
        corpora = {each["name"]: each["documents"] for each in (await called(client, "list_corpora"))["corpora"]}
        assert (corpora["fresh"], "reports" in corpora) == (1, False)
        (thread,) = (await called(client, "list_threads"))["threads"]
        assert (thread["thread_id"], thread["title"], thread["status"]) == ("gone", QUESTION, "answered")
        for tool, given in (("delete_corpus", {"corpus": "fresh"}), ("delete_thread", {"thread_id": "gone"})):
            assert not (await client.call_tool(tool, given)).is_error
            again = await client.call_tool(tool, given)
            assert again.is_error
            assert "missing" in again.content[0].text


async def test_an_agent_gets_nothing_that_a_guard_refuses_or_flags(home):
    documents = [{"name": name, "text": text} for name, text in DOCUMENTS.items()]
    async with served(home, make=create_mcp_app, policy=POLICY) as url, over_http(url) as client:
        await called(client, "ingest", corpus="fresh", documents=documents)
        found = await called(client, "search", query=POISON_QUERY, corpus="fresh", mode="keyword")
        checked(found)
        async with open_corpus(load_settings(home=home), "fresh") as corpus:
            ids = {each.source: each.evidence_id for each in await corpus.search(POISON_QUERY, mode="keyword")}
        read = {
            each["source"]: (await client.read_resource(f"sixplane://passages/fresh/{each['evidence_id']}")).contents[0]
            for each in found["passages"]
        }
        assert {json.loads(content.text)["text"] for content in read.values()} == {
            each["text"] for each in found["passages"]
        }
        with pytest.raises(MCPError, match=r"policy_refused.*prompt_injection"):
            await client.read_resource(f"sixplane://passages/fresh/{ids['refused.md']}")


async def test_a_cancelled_run_and_a_review_can_be_resumed(home):
    model = held_plan()
    async with served(home, model, make=create_mcp_app) as url, over_http(url) as client:
        slow = {"question": QUESTION, "corpus": "small", "context": {"model": SLOW}}
        begun = await called(client, "research_start", **slow, thread_id="t")
        assert (await called(client, "research_cancel", run_id=begun["run_id"]))["status"] == "running"
        model.release()
        assert (await called(client, "research_result", run_id=begun["run_id"]))["status"] == "stopped"
        await called(client, "research_resume", thread_id="t")
        assert (await called(client, "research_result", run_id=begun["run_id"]))["status"] == "answered"
        plain = {"question": QUESTION, "corpus": "small", "context": {"human_review": True}}
        asked = await called(client, "research_start", **plain, thread_id="r")
        pending = await called(client, "research_result", run_id=asked["run_id"])
        assert (pending["status"], bool(pending["pending"]["draft"])) == ("review_pending", True)
        approve = {"thread_id": "r", "decision": "approve"}
        assert (await called(client, "research_resume", **approve, review_id="x"))["code"] == "thread_not_resumable"
        await called(client, "research_resume", **approve, review_id=pending["pending"]["review_id"])
        assert (await called(client, "research_result", run_id=asked["run_id"]))["message"] == "approved_by_person"


async def test_the_wait_for_a_result_is_bounded(home):
    model = held_plan()
    async with served(home, model, make=create_mcp_app) as url, over_http(url) as client:
        begun = await called(client, "research_start", question=QUESTION, corpus="small", context={"model": SLOW})
        early = await called(client, "research_result", run_id=begun["run_id"], wait_seconds=0.1)
        assert (early["status"], early["report"]) == ("running", None)
        model.release()


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("research_start", {"question": "", "corpus": "small"}, "question_invalid"),
        ("research_start", {"question": "x", "corpus": "none"}, "corpus_missing"),
        ("research_start", {"question": "x", "context": {"spy": 1}}, "bad_input"),
        ("research_status", {"run_id": "none"}, "run_missing"),
        ("research_resume", {"thread_id": "none"}, "thread_missing"),
        ("search", {"query": "x", "corpus": "../x"}, "name_invalid"),
        ("ingest", {"paths": ["/etc/passwd"]}, "bad_input"),
        ("ingest", {}, "bad_input"),
    ],
)
async def test_an_impossible_call_returns_a_code_and_a_hint(url, tool, arguments, code):
    async with over_http(url) as client:
        error = await called(client, tool, **arguments)
        assert error["code"] == code
        assert error["hint"]


async def test_a_bug_shows_its_type_and_no_content(url, monkeypatch, caplog):
    from experience.service import ResearchService

    def broken(*_, **__):
        raise ZeroDivisionError("with a secret")

    monkeypatch.setattr(ResearchService, "stream", broken)
    async with over_http(url) as client:
        answer = await client.call_tool("research_start", {"question": QUESTION, "corpus": "small"})
    assert answer.is_error
    assert "ZeroDivisionError" in answer.content[0].text
    assert "secret" not in answer.content[0].text
    assert "an MCP request failed with ZeroDivisionError" in caplog.messages
    assert "secret" not in " ".join(caplog.messages)


async def test_a_request_without_credentials_or_with_a_foreign_host_is_refused(url):
    async with httpx.AsyncClient() as http:
        for headers in ({}, {"authorization": "Bearer nobody"}):
            answer = await http.post(f"{url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        rebound = {
            "authorization": "Bearer ann",
            "host": "evil.example",
            "accept": "application/json, text/event-stream",
        }
        answer = await http.post(f"{url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=rebound)
        assert answer.status_code in (403, 421)


async def test_a_local_client_speaks_over_stdio_without_the_http_api(home, docs):
    # `None` makes every import of FastAPI fail.
    start = "import sys; sys.modules['fastapi'] = None; from experience.cli import main; main()"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", start, "mcp", "--home", str(home)],
        env=dict(os.environ),
    )
    async with Client(server) as client:
        added = await called(client, "ingest", corpus="mine", paths=[str(docs)])
        assert added["added"] == 3
        begun = await called(client, "research_start", question=QUESTION, corpus="mine")
        result = await called(client, "research_result", run_id=begun["run_id"], wait_seconds=50)
        assert "12 dollars" in result["report"]["markdown"]
