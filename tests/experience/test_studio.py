"""`langgraph dev` serves the graph: assistants, threads, streaming, interrupt and resume, time travel, MCP and A2A."""

from __future__ import annotations

import json
import shutil
import uuid

import httpx
import pytest
import pytest_asyncio
from langgraph_sdk import get_client
from mcp import Client

from graphs.studio import research
from state.channels import ResearchContext
from tests.doubles.waiting import SAFETY_SECONDS
from tests.experience.studio import studio

PRICE = "What is the price of Tariff A?"
SMALL = {"corpus": "small"}

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    home = shutil.copytree(prepared / "home", folder / "home")
    async with studio(home, folder / "log") as address:
        yield address
    assert "BlockingError" not in (folder / "log").read_text()


@pytest_asyncio.fixture(loop_scope="module")
async def client(url):
    async with get_client(url=url) as opened:
        yield opened


async def asked(client, thread, question=PRICE, **context):
    return await client.runs.wait(thread, "research", input={"question": question}, context={**SMALL, **context})


async def test_the_form_of_the_context_explains_itself(client):
    (assistant,) = await client.assistants.search(graph_id="research")
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])
    fields = schemas["context_schema"]["properties"]
    assert set(fields) == set(ResearchContext.model_fields)
    assert all(field["description"] for field in fields.values())
    assert all("default" in field for field in fields.values())
    assert {"question", "messages"} <= set(schemas["input_schema"]["properties"])
    drawn = await client.assistants.get_graph(assistant["assistant_id"])
    assert {"guard_input", "researcher", "publish"} <= {node["id"] for node in drawn["nodes"]}
    assert len(drawn["edges"]) > 10


async def test_a_thread_answers_a_second_question_afresh(client):
    thread = (await client.threads.create())["thread_id"]
    first = (await asked(client, thread))["report"]
    second = (await asked(client, thread, "And what does it include?"))["report"]
    outside = (await asked(client, thread, "Who was the second president of Uruguay?"))["report"]
    assert "12 dollars" in first["markdown"]
    assert second["claims"][0]["text"].startswith("Tariff A includes")
    assert (second["research_rounds"], second["revisions"]) == (1, 0)
    assert (outside["status"], outside["claims"]) == ("abstained", [])


async def test_a_run_streams_its_nodes(client):
    thread = (await client.threads.create())["thread_id"]
    told = client.runs.stream(thread, "research", input={"question": PRICE}, context=SMALL, stream_mode="updates")
    nodes = [name for part in [part async for part in told] if part.event == "updates" for name in part.data]
    assert nodes[0] == "guard_input"
    assert nodes[-1] == "publish"


@pytest.mark.parametrize(
    ("decision", "reason"), [("approve", "approved_by_person"), ("reject", "rejected_by_person"), ("revise", None)]
)
async def test_a_person_is_asked_and_answers(client, decision, reason):
    thread = (await client.threads.create())["thread_id"]
    await asked(client, thread, human_review=True)
    state = await client.threads.get_state(thread)
    assert (state["next"], bool(state["interrupts"][0]["value"]["draft"])) == (["human_review"], True)
    answer = {"resume": {"decision": decision, "text": "Be brief."}}
    context = {**SMALL, "human_review": True}
    ended = await client.runs.wait(thread, "research", command=answer, context=context)
    after = await client.threads.get_state(thread)
    if reason is None:
        assert after["next"] == ["human_review"]
    else:
        assert (ended["report"]["stop_reason"], after["next"]) == (reason, [])


async def test_a_run_is_forked_from_an_earlier_checkpoint(client):
    thread = (await client.threads.create())["thread_id"]
    before = (await asked(client, thread))["report"]
    history = await client.threads.get_history(thread, limit=50)
    at = next(state for state in history if state["next"] == ["researcher"])
    changed = {"question": "What is the price of Tariff B?"}
    fork = await client.threads.update_state(thread, changed, checkpoint=at["checkpoint"], as_node="__start__")
    report = (await client.runs.wait(thread, "research", checkpoint=fork["checkpoint"], input=None, context=SMALL))[
        "report"
    ]
    assert "12 dollars" in before["markdown"]
    assert "20 dollars" in report["markdown"]


async def test_agents_reach_it_over_mcp(url):
    async with Client(f"{url}/mcp/") as agent:
        (tool,) = (await agent.list_tools()).tools
        assert tool.name == "research"
        answer = await agent.call_tool(tool.name, {"messages": [{"role": "user", "content": PRICE}]})
        assert "report" in answer.content[0].text


async def test_agents_reach_it_over_a2a(url, client):
    (assistant,) = await client.assistants.search(graph_id="research")
    text = {"kind": "text", "text": PRICE}
    sent = {"role": "user", "parts": [text], "messageId": str(uuid.uuid4())}
    call = {"jsonrpc": "2.0", "id": "1", "method": "message/send", "params": {"message": sent}}
    async with httpx.AsyncClient(timeout=SAFETY_SECONDS) as agent:
        answer = await agent.post(
            f"{url}/a2a/{assistant['assistant_id']}", json=call, headers={"accept": "application/json"}
        )
    assert answer.status_code == 200
    assert answer.json()["result"]["status"]["state"] in ("completed", "failed")
    assert json.dumps(answer.json())


async def test_the_factory_brings_no_persistence_of_its_own(home, monkeypatch):
    monkeypatch.setenv("SIXPLANE_HOME", str(home))
    async with research() as graph:
        assert (graph.checkpointer, graph.store) == (None, None)
