"""`langgraph dev` serves the graph: assistants, threads, streaming, interrupt and resume, time travel, MCP and A2A."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from typing import Any

import httpx
import pytest
import pytest_asyncio
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import Message as A2AMessage
from a2a.types import Part, Role, SendMessageRequest, TaskState
from langgraph_sdk import get_client
from mcp import Client

from graphs.studio import research
from state.channels import ResearchContext
from tests.doubles.waiting import SAFETY_SECONDS
from tests.experience.studio import studio

PRICE = "What is the price of Tariff A?"
SMALL = {"corpus": "small"}
CALLER = "ab" * 16

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def home_of_server(prepared, tmp_path_factory):
    return shutil.copytree(prepared / "home", tmp_path_factory.mktemp("studio") / "home")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(home_of_server):
    folder = home_of_server.parent
    async with studio(home_of_server, folder / "log") as address:
        yield address
    log = (folder / "log").read_text()
    assert [each for each in ("BlockingError", "unregistered type", "Blocked deserialization") if each in log] == []


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
    given = schemas["input_schema"]["properties"]
    assert {"question", "messages"} <= set(given)
    assert all(field["description"] for field in given.values())
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


@pytest.mark.parametrize("malformed", ["yes", {"decision": "ok"}, 3])
async def test_a_malformed_answer_to_a_review_interrupts_again(client, malformed):
    thread = (await client.threads.create())["thread_id"]
    await asked(client, thread, human_review=True)
    context = {**SMALL, "human_review": True}
    await client.runs.wait(thread, "research", command={"resume": malformed}, context=context)
    state = await client.threads.get_state(thread)
    (interrupt,) = state["interrupts"]
    assert state["next"] == ["human_review"]
    assert "resume with" in interrupt["value"]["problem"]
    assert interrupt["value"]["draft"]
    ended = await client.runs.wait(thread, "research", command={"resume": {"decision": "reject"}}, context=context)
    assert ended["report"]["stop_reason"] == "rejected_by_person"


async def test_a_run_without_a_corpus_says_what_there_is_and_how_to_choose(client):
    thread = (await client.threads.create())["thread_id"]
    ended = await client.runs.wait(thread, "research", input={"question": PRICE})
    text = ended["messages"][-1]["content"]
    assert "no corpus `default`" in text
    assert "`small`" in text
    assert "context" in text
    assert (ended["report"]["status"], ended["report"]["stop_reason"]) == ("stopped", "corpus_missing")


async def test_all_nodes_of_a_run_belong_to_the_trace_that_its_report_names(client, home_of_server):
    thread = (await client.threads.create())["thread_id"]
    sent = {"traceparent": f"00-{CALLER}-{'cd' * 8}-01"}
    ended = await client.runs.wait(thread, "research", input={"question": PRICE}, context=SMALL, headers=sent)
    named, spans = ended["report"]["trace_id"], dict[str, dict[str, Any]]()
    async with asyncio.timeout(SAFETY_SECONDS):
        while "invoke_workflow research" not in spans:  # the last one to end
            await asyncio.sleep(0.05)
            text = "".join(path.read_text() for path in (home_of_server / "traces").glob("*.jsonl"))
            written = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
            spans = {each["name"]: each for each in written if each.get("trace_id") == named and "name" in each}
    assert {"execute_node guard_input", "execute_node publish"} <= set(spans)
    run = spans["invoke_workflow research"]
    assert run["attributes"]["gen_ai.conversation.id"] == thread
    assert [link["trace_id"] for link in run["links"]] == [CALLER]


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
    chosen = {"name": "tariffs", "description": "Answers questions about tariffs.", "context": SMALL}
    assistant = (await client.assistants.create("research", **chosen))["assistant_id"]
    async with httpx.AsyncClient(timeout=SAFETY_SECONDS) as http:
        card = await A2ACardResolver(http, f"{url}/a2a/{assistant}").get_agent_card()
        (skill,) = card.skills
        assert (card.name, skill.description, list(skill.output_modes)) == (
            "tariffs",
            chosen["description"],
            list(card.default_output_modes),
        )
        peer = ClientFactory(ClientConfig(httpx_client=http, streaming=False)).create(card)
        asked = A2AMessage(role=Role.ROLE_USER, parts=[Part(text=PRICE)], message_id=str(uuid.uuid4()))
        (answer,) = [each async for each in peer.send_message(SendMessageRequest(message=asked))]
    assert answer.task.status.state == TaskState.TASK_STATE_COMPLETED
    text = "".join(part.text for artifact in answer.task.artifacts for part in artifact.parts)
    assert "12 dollars" in text
    assert "## Sources" in text


async def test_the_factory_brings_no_persistence_of_its_own(home, monkeypatch):
    monkeypatch.setenv("SIXPLANE_HOME", str(home))
    async with research({}) as graph:
        assert (graph.checkpointer, graph.store) == (None, None)
