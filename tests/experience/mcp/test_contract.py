"""What an agent reads of the tools before it calls one, and what it is told when a call is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from itertools import chain

import pytest
from mcp import Client, MCPError

from experience.mcp.hints import hint_for_agents
from experience.mcp.opening import on_first_use
from experience.mcp.tools import create_mcp
from experience.mcp.values import OPTIONS
from state.channels import ResearchContext
from state.errors import (
    CorpusMissing,
    DependencyUnavailable,
    PriceUnknown,
    SettingsInvalid,
    SixplaneError,
    StorageFull,
    ThreadMissing,
)

NEVER = "the service was opened"
SERVERS_OWN = {"tenant", "principal", "audiences", "corpus"}
READS = {"list_corpora", "list_threads", "search", "research_result", "research_status"}
DELETES = {"delete_corpus", "delete_document", "delete_thread"}


async def never():
    raise AssertionError(NEVER)


def server():
    return create_mcp(never, lambda _: None, local=False)


async def test_a_client_learns_everything_before_the_service_opens():
    async with Client(server()) as client:
        tools = (await client.list_tools()).tools
        assert {each.name for each in tools} > READS | DELETES
        assert len((await client.list_resource_templates()).resource_templates) == 2
        assert "list_corpora" in client.instructions


async def test_each_tool_says_what_it_does_to_the_service():
    async with Client(server()) as client:
        tools = (await client.list_tools()).tools
    assert {each.name for each in tools if each.annotations.read_only_hint} == READS
    assert {each.name for each in tools if each.annotations.destructive_hint} == DELETES
    again = {each.name for each in tools if each.annotations.idempotent_hint}
    assert again == {*DELETES, "ingest", "research_cancel"}
    assert all(each.annotations.open_world_hint is False for each in tools)


async def test_each_tool_is_titled_and_described_with_its_arguments_and_its_answer():
    async with Client(server()) as client:
        tools = (await client.list_tools()).tools
    for each in tools:
        assert each.title
        assert each.description
        assert each.input_schema["additionalProperties"] is False
        assert each.output_schema["type"] == "object"
        assert each.output_schema["properties"]


def test_the_options_of_a_run_are_all_named():
    named = set(re.findall(r"`(\w+)`", OPTIONS))
    assert named == set(ResearchContext.model_fields) - SERVERS_OWN


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search", {"query": "x", "corpsu": "small"}, "corpsu"),
        ("research_start", {"question": "x", "colour": "red"}, "colour"),
        ("delete_corpus", {"corpus": "small", "force": True}, "force"),
        ("list_corpora", {"corpus": "small"}, "corpus"),
        ("search", {"query": "x", "k": 0}, "`k` must be"),
        ("search", {}, "`query` is missing"),
        ("research_result", {"run_id": "r", "wait_seconds": 1000}, "`wait_seconds` must be"),
        ("ingest", {"documents": [{"name": "a", "text": "b", "label": "c"}]}, "documents.0.label"),
        ("reserch", {}, "reserch"),
    ],
)
async def test_a_wrong_argument_is_refused_before_the_service_opens(tool, arguments, told):
    async with Client(server()) as client:
        answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    error = json.loads(answer.content[0].text)
    assert (error["code"], told in error["message"], bool(error["hint"])) == ("bad_input", True, True)
    assert NEVER not in answer.content[0].text


async def test_a_wrong_address_of_a_resource_is_refused_with_a_hint():
    async with Client(server()) as client:
        for address in ("sixplane://nothing/here", "other://reports/t"):
            with pytest.raises(MCPError, match=r"bad_input.*resources/templates/list"):
                await client.read_resource(address)


def test_a_hint_names_a_tool_or_the_user_but_no_command():
    kinds = [SixplaneError]
    kinds += chain.from_iterable(kind.__subclasses__() for kind in kinds)
    for kind in kinds:
        told = hint_for_agents(kind, kind.default_hint)
        assert told
        assert "sixplane " not in told.partition("tell the user")[0]
    assert "`list_corpora`" in hint_for_agents(CorpusMissing, CorpusMissing.default_hint)
    assert "`list_threads`" in hint_for_agents(ThreadMissing, ThreadMissing.default_hint)


@pytest.mark.parametrize("kind", [StorageFull, PriceUnknown, SettingsInvalid])
def test_what_only_an_operator_can_mend_is_for_the_user(kind):
    assert hint_for_agents(kind, "run `sixplane doctor`") == "tell the user: run `sixplane doctor`"


def test_a_hint_that_names_no_command_is_kept():
    assert hint_for_agents(ThreadMissing, "choose another thread name") == "choose another thread name"
    assert hint_for_agents(DependencyUnavailable, "try again in 3 s") == "try again in 3 s"


def holding(log, fails=0):
    """Return what `on_first_use` opens, which fails `fails` times."""
    left = [fails]

    @asynccontextmanager
    async def opened():
        log.append("open")
        if left[0]:
            left[0] -= 1
            raise DependencyUnavailable("not yet")
        yield "desk"
        log.append("close")

    async def opens():
        return opened()

    return opens


async def test_the_service_opens_once_when_it_is_first_used():
    log = []
    async with on_first_use(holding(log)) as get:
        assert log == []
        assert {await get(), await get()} == {"desk"}
        assert log == ["open"]
    assert log == ["open", "close"]


async def test_an_unused_service_is_never_opened():
    log = []
    async with on_first_use(holding(log)):
        pass
    assert log == []


async def test_a_service_that_could_not_open_is_opened_anew():
    log = []
    async with on_first_use(holding(log, fails=1)) as get:
        with pytest.raises(DependencyUnavailable):
            await get()
        assert await get() == "desk"
    assert log == ["open", "open", "close"]


def test_a_local_server_loads_neither_langgraph_nor_the_http_api():
    code = """
import sys
from experience.mcp import create_mcp, serve_stdio
create_mcp(None, None, local=True)
loaded = [name for name in ("langgraph", "fastapi", "openvino", "numpy", "sqlalchemy", "oci") if name in sys.modules]
print(*loaded)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
