"""Every read, resume, delete and search across tenants and principals, through HTTP and MCP: refused, and logged."""

from __future__ import annotations

import logging
import re

import pytest

from experience.mcp.serving import create_mcp_app
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_mcp import called, over_http

HTTP = {
    "thread": ("GET", "/v1/threads/{thread}", None),
    "resume": ("POST", "/v1/threads/{thread}/resume", {"answer": {"decision": "approve"}}),
    "resume stream": ("POST", "/v1/threads/{thread}/resume/stream", {}),
    "export": ("GET", "/v1/threads/{thread}/export", None),
    "delete": ("DELETE", "/v1/threads/{thread}", None),
    "run": ("GET", "/v1/runs/{run}", None),
    "run events": ("GET", "/v1/runs/{run}/events", None),
    "cancel": ("POST", "/v1/runs/{run}/cancel", None),
    "continue": ("POST", "/v1/chat/stream", "last event"),
}
OF_THE_TENANT = {
    "manifest": ("GET", "/v1/corpora/small", None),
    "search": ("POST", "/v1/corpora/small/search", {"query": "Tariff A"}),
    "remove": ("DELETE", "/v1/corpora/small/documents?document=tariffs.md", None),
    "delete": ("DELETE", "/v1/corpora/small", None),
    "ask": ("POST", "/v1/chat", chat()),
    "ask as another tenant": ("POST", "/v1/chat", chat(tenant="local", principal="ann")),
    "completion": (
        "POST",
        "/v1/chat/completions",
        {"model": "sixplane/small", "messages": [{"role": "user", "content": "Tariff A?"}]},
    ),
    "response": ("POST", "/v1/responses", {"model": "sixplane/small", "input": "Tariff A?"}),
    "model": ("GET", "/v1/models/sixplane/small", None),
}
MCP = {
    "status": ("research_status", "run_id"),
    "result": ("research_result", "run_id"),
    "cancel": ("research_cancel", "run_id"),
    "resume": ("research_resume", "thread_id"),
}


async def private(home):
    """Let ann ask for a review on the thread `secret`; return the run's id."""
    async with served(home) as url, client(url) as ann:
        pending = await ann.post("/v1/chat", json=chat(thread="secret", human_review=True))
        assert pending.status_code == 202
        return pending.json()["run_id"]


async def untouched(home):
    async with served(home) as url, client(url) as ann:
        view = (await ann.get("/v1/threads/secret")).json()
    assert view["record"]["status"] == "review"
    assert view["pending"]["draft"]


@pytest.mark.parametrize("who", ["eve", "bob"])
async def test_another_s_thread_does_not_exist_over_http(home, who, caplog):
    run = await private(home)
    async with served(home) as url, client(url, who) as stranger:
        for name, (method, path, body) in HTTP.items():
            caplog.clear()
            more = (
                {"headers": {"last-event-id": f"{run}.0:1"}, "json": chat()} if body == "last event" else {"json": body}
            )
            answer = await stranger.request(method, path.format(thread="secret", run=run), **more)
            assert answer.status_code == 404, name
            assert answer.json()["code"] in ("thread_missing", "run_missing"), name
            assert "sixplane.access" in {record.name for record in caplog.records}, name
            # As a word: asyncio may log a task of an earlier test here, whose text has `eve` within another word.
            assert not re.search(rf"\b{who}\b", caplog.text), name
        assert (await stranger.get("/v1/threads")).json()["threads"] == []
    await untouched(home)


async def test_another_tenant_s_corpora_do_not_exist_over_http(home, caplog):
    async with served(home) as url, client(url, "eve") as eve:
        assert (await eve.get("/v1/corpora")).json() == {"corpora": []}
        for name, (method, path, body) in OF_THE_TENANT.items():
            caplog.clear()
            answer = await eve.request(method, path, json=body)
            assert answer.status_code == 404, name
            assert "corpus_missing" in answer.text or "model_not_found" in answer.text, name
            assert "sixplane.access" in {record.name for record in caplog.records}, name
        budgets = (await eve.get("/v1/budget")).json()["budgets"]
        assert all(line["spent"] == 0 for line in budgets)


async def test_a_missing_role_is_refused_and_logged(home, caplog):
    caplog.set_level(logging.WARNING)
    async with served(home) as url, client(url, "guest") as guest:
        tried = {
            "/v1/chat": ("POST", chat()), "/v1/threads": ("GET", None), "/v1/corpora": ("GET", None),
            "/v1/corpora/small": ("GET", None), "/v1/corpora/small/search": ("POST", {"query": "x"}),
            "/v1/threads/t": ("DELETE", None), "/v1/budget": ("GET", None), "/v1/models": ("GET", None),
        }  # fmt: skip
        for path, (method, body) in tried.items():
            caplog.clear()
            answer = await guest.request(method, path, json=body)
            assert (answer.status_code, "forbidden" in answer.text) == (403, True), path
            assert "forbidden" in caplog.text, path
        upload = await guest.post("/v1/corpora/new/documents", files=[("files", ("a.txt", b"x"))])
        assert upload.status_code == 403
        assert (await guest.get("/v1/health")).status_code == 403


@pytest.mark.parametrize("who", ["eve", "bob"])
async def test_another_s_run_does_not_exist_over_mcp(home, who, caplog):
    run = await private(home)
    names = {"run_id": run, "thread_id": "secret"}
    async with served(home, make=create_mcp_app) as url, over_http(url, who) as stranger:
        for name, (tool, argument) in MCP.items():
            caplog.clear()
            error = await called(stranger, tool, **{argument: names[argument]})
            assert error["code"] in ("run_missing", "thread_missing"), name
            assert "sixplane.access" in {record.name for record in caplog.records}, name
        with pytest.raises(Exception, match="thread_missing"):
            await stranger.read_resource("sixplane://reports/secret")
        if who == "eve":
            assert (await called(stranger, "search", query="x", corpus="small"))["code"] == "corpus_missing"
            with pytest.raises(Exception, match="corpus_missing"):
                await stranger.read_resource("sixplane://passages/small/E0")
    await untouched(home)


async def test_no_operation_is_left_out(home):
    tried = {(method, path.partition("?")[0]) for method, path, _ in (*HTTP.values(), *OF_THE_TENANT.values())}
    own = {
        ("POST", "/v1/corpora/small/documents"),  # makes a corpus of the caller's own tenant, as the next one
        ("POST", "/v1/corpora/small/documents/stream"),
        ("POST", "/v1/embeddings"),  # of the caller's own text
        ("POST", "/v1/batch"),  # each of its questions goes the way of `/v1/chat`
        *(("GET", path) for path in ("/v1/threads", "/v1/corpora", "/v1/budget", "/v1/models")),  # listed above
        *(("GET", f"/v1/health{part}") for part in ("", "/live", "/ready")),
        *(("GET", path) for path in ("/health", "/ready")),
    }
    async with served(home) as url, client(url) as ann:
        paths = (await ann.get("/openapi.json")).json()["paths"]
    names = {"{thread_id}": "{thread}", "{run_id}": "{run}", "{corpus}": "small", "{model}": "sixplane/small"}
    known = set()
    for path, operations in paths.items():
        for given, ours in names.items():
            path = path.replace(given, ours)
        known |= {(method.upper(), path) for method in operations}
    assert known == tried | own
    assert not tried & own
