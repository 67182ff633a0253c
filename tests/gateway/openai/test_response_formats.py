"""An endpoint is asked for a schema first, then for JSON, then for prose, and what it refuses is learned per model."""

import asyncio
import json
from dataclasses import replace

import pytest
from pydantic import BaseModel, Field

from gateway import schemas
from gateway.ledger.role_usage import by_role, collected_usage
from gateway.schemas import strict_schema, wire_schema
from state.errors import ModelOutputInvalid, ModelUnavailable, PromptTooLong
from state.roles import ROLE_SCHEMAS, Analysis, Decision, JudgedReview, ResearchPlan, WrittenDraft
from tests.doubles.openai_server import OpenAIServer, Reply
from tests.gateway.openai.endpoint import JSON, PLAN, PROMPT, Asked, sent_chars


@pytest.fixture(autouse=True)
def _no_waiting(waits):
    """Take no time for back-off."""


def formats(server):
    return [(request.get("response_format") or {}).get("type") for request in server.requests]


class Bounded(BaseModel):
    """A list of bounded length."""

    all: list[str] = Field(min_length=1, max_length=3)


# What servers say, each as it was seen in one of them.
NO_SCHEMA = {
    "OpenAI, older model": "Invalid parameter: 'response_format' of type 'json_schema' is not supported.",
    "Groq": "This model does not support response format `json_schema`. See supported models.",
    "llama.cpp, older": 'response_format type must be one of "text" or "json_object", but got: json_schema',
    "llama.cpp, grammar": "Failed to initialize samplers: failed to parse grammar",
    "llama.cpp, both": 'Either "json_schema" or "grammar" can be specified, but not both',
    "OpenAI, strict": "Invalid schema for response_format 'ResearchPlan': In context=(), 'type' is missing.",
    "vLLM": "[{'type': 'extra_forbidden', 'loc': ('body', 'response_format', 'json_schema'), 'msg': 'Extra inputs'}]",
}


@pytest.mark.parametrize("said", NO_SCHEMA.values(), ids=NO_SCHEMA)
async def test_a_server_that_takes_no_schema_is_asked_for_an_object_from_then_on(tmp_path, said):
    with OpenAIServer(Reply(JSON), refuses={"json_schema": said}) as server:
        asked = Asked(tmp_path, server.base_url)
        assert await asked.plan() == PLAN
        assert await asked.plan(task="another") == PLAN
    assert formats(server) == ["json_schema", "json_object", "json_object"]
    assert (await asked.usage()).calls == 2


@pytest.mark.parametrize("status", [400, 422, 500, 501])
async def test_a_schema_that_a_server_cannot_convert_is_not_asked_for_again(tmp_path, status):
    said = "JSON schema conversion failed: Unrecognized schema"
    with OpenAIServer(Reply(JSON), refuses={"json_schema": said}, status=status) as server:
        assert await Asked(tmp_path, server.base_url).plan() == PLAN
    assert formats(server) == ["json_schema", "json_object"]


async def test_a_server_that_takes_neither_is_asked_in_prose(tmp_path):
    refuses = {
        "json_schema": "'response_format.type' must be 'text'",
        "json_object": "'response_format.type' must be 'json_schema' or 'text'",
    }
    with OpenAIServer(Reply(f"Here it is: {JSON}"), refuses=refuses) as server:
        asked = Asked(tmp_path, server.base_url)
        assert await asked.plan() == PLAN
        assert await asked.plan(task="another") == PLAN
    assert formats(server) == ["json_schema", "json_object", None, None]


async def test_a_server_that_knows_schemas_but_no_json_object_never_sees_one(tmp_path):
    refuses = {"json_object": "'response_format.type' must be 'json_schema' or 'text'"}
    with OpenAIServer(Reply("no"), Reply(JSON), refuses=refuses) as server:
        assert await Asked(tmp_path, server.base_url).plan() == PLAN
    assert formats(server) == ["json_schema", "json_schema"]


async def test_a_server_that_refuses_lengths_of_lists_keeps_the_rest_of_the_schema(tmp_path):
    said = (
        "Invalid schema for response_format 'Bounded': In context=('properties', 'all'), 'maxItems' is not permitted."
    )
    with OpenAIServer(Reply('{"all": ["a"]}'), refuses={"maxItems": said}) as server:
        asked = Asked(tmp_path, server.base_url)
        found = [await asked.ask(Bounded, task=task) for task in ("a", "b")]
    assert [each.all for each in found] == [["a"], ["a"]]
    assert formats(server) == ["json_schema"] * 3
    sent = [json.dumps(request["response_format"]) for request in server.requests]
    assert ["maxItems" in each for each in sent] == [True, False, False]
    assert ["minItems" in each for each in sent] == [True, True, True]


async def test_calls_at_once_all_learn_from_their_own_refusal(tmp_path):
    with OpenAIServer(Reply(JSON), refuses={"json_schema": NO_SCHEMA["Groq"]}) as server:
        asked = Asked(tmp_path, server.base_url)
        plans = await asyncio.gather(*(asked.plan(task=str(n)) for n in range(4)))
    assert plans == [PLAN] * 4
    assert set(formats(server)) == {"json_schema", "json_object"}


async def test_what_one_model_refuses_another_is_still_asked(tmp_path):
    with OpenAIServer(Reply(JSON), refuses={"json_schema": NO_SCHEMA["Groq"]}) as server:
        asked = Asked(tmp_path, server.base_url)
        await asked.plan()
        other = asked.gateway.chat_model(replace(asked.model().scope, model="openai:other"))
        await other.with_structured_output(ResearchPlan).ainvoke(PROMPT)
    assert formats(server) == ["json_schema", "json_object", "json_schema", "json_object"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("the request exceeds the available context size", PromptTooLong),
        ("Invalid value", ModelUnavailable),
        ("schema of the database", ModelUnavailable),
    ],
)
async def test_a_format_is_not_blamed_for_another_error(tmp_path, said, kind):
    with OpenAIServer(Reply(status=400, error=said)) as server, pytest.raises(kind):
        await Asked(tmp_path, server.base_url).plan()
    assert formats(server) == ["json_schema"]


async def test_a_format_that_was_not_sent_is_not_blamed(tmp_path):
    refusal = Reply(status=400, error="json_schema is not supported")
    with OpenAIServer(refusal) as server, pytest.raises(ModelUnavailable):
        await Asked(tmp_path, server.base_url).model().ainvoke("Hi")
    assert formats(server) == [None]


IGNORED = [
    "I plan as follows.\n" + JSON,
    f"```json\n{JSON}\n```",
    json.dumps({**PLAN.model_dump(), "confidence": 0.9}),
]


@pytest.mark.parametrize("content", IGNORED)
async def test_a_server_that_ignores_the_schema_still_works_because_the_prompt_spells_it(tmp_path, content):
    with OpenAIServer(Reply(content)) as server:
        assert await Asked(tmp_path, server.base_url).plan() == PLAN
    system = server.requests[0]["messages"][0]["content"]
    assert '"sub_questions":{"description":' in system
    assert formats(server) == ["json_schema"]


async def test_the_prompt_is_the_same_in_every_format(tmp_path):
    # Else the memo of a call that learned a refusal would not be found after a crash.
    with OpenAIServer(Reply(JSON), refuses={"response_format": "response_format is not supported"}) as server:
        asked = Asked(tmp_path, server.base_url)
        await asked.plan()
        assert formats(server) == ["json_schema", "json_object", None]
        assert len({json.dumps(request["messages"]) for request in server.requests}) == 1
        assert await Asked(tmp_path, server.base_url).plan() == PLAN  # another process, which has learned nothing
    assert len(server.requests) == 3


ANSWERS = {
    "ResearchPlan": PLAN.model_dump(),
    "Analysis": {"findings": [], "decision": "enough"},
    "WrittenDraft": {"markdown": "Ten a minute [E1]."},
    "Review": {"verdict": "approve", "findings": []},
    "Verdicts": {"verdicts": []},
    "JudgedReview": {"verdicts": [], "verdict": "approve", "findings": []},
}


@pytest.mark.parametrize("schema", ROLE_SCHEMAS)
async def test_a_strict_server_takes_the_schema_of_every_role(tmp_path, schema):
    with OpenAIServer(Reply(json.dumps(ANSWERS[schema.__name__])), strict=True) as server:
        found = await Asked(tmp_path, server.base_url).ask(schema)
    assert isinstance(found, schema)
    assert formats(server) == [None if schema is WrittenDraft else "json_schema"]


async def test_the_schema_is_part_of_what_is_reserved(tmp_path):
    with OpenAIServer(Reply(JSON)) as server:
        model = Asked(tmp_path, server.base_url).model()
    assert len(model._beside(JudgedReview)) > 1_500
    assert model._beside(WrittenDraft) == ""


@pytest.mark.parametrize(
    "refuses",
    [{}, {"json_schema": "json_schema is not supported"}, {"response_format": "response_format is not supported"}],
)
async def test_the_characters_of_a_call_are_those_that_were_sent(tmp_path, refuses):
    with OpenAIServer(Reply(JSON), refuses=refuses) as server:
        asked = Asked(tmp_path, server.base_url)
        await asked.plan()
        used = await asked.usage()
        with collected_usage() as recalled:  # in another process, which has learned nothing
            await Asked(tmp_path, server.base_url).plan()
        assert await asked.usage() == used
    assert used.input_chars == sent_chars(server.requests[-1])
    assert [usage.input_chars for usage in by_role(recalled).values()] == [used.input_chars]


async def test_a_schema_is_made_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(schemas, "inlined_schema", lambda schema: made.append(schema) or {"type": "object"})

    class Fresh(BaseModel):
        sub_questions: list[str]

    for _ in range(3):
        assert strict_schema(Fresh) is strict_schema(Fresh)
        assert wire_schema(Fresh) is wire_schema(Fresh)
    assert made == [Fresh]


async def test_an_answer_of_an_enumeration_in_other_words_needs_no_repair(tmp_path):
    said = {"findings": None, "gaps": {"sub_question": "q1", "missing": "the price"}, "decision": "RESEARCH MORE"}
    with OpenAIServer(Reply(json.dumps(said))) as server:
        found = await Asked(tmp_path, server.base_url).ask(Analysis)
    assert (found.decision, found.findings, [gap.missing for gap in found.gaps]) == (
        Decision.RESEARCH_MORE, [], ["the price"],
    )  # fmt: skip
    assert len(server.requests) == 1


ECHOES = {
    "the schema": lambda prompt: prompt.rpartition("\n")[2],
    "its properties": lambda prompt: json.dumps(json.loads(prompt.rpartition("\n")[2])["properties"]),
    "its descriptions": lambda prompt: json.dumps(
        {
            "standalone_question": json.loads(prompt.rpartition("\n")[2])["properties"]["standalone_question"][
                "description"
            ],
            "sub_questions": [json.loads(prompt.rpartition("\n")[2])["properties"]["sub_questions"]["description"]],
        }
    ),
    "an example": lambda _: '{"standalone_question": "", "sub_questions": ["Who founded the harbour museum?"]}',
    "the fields": lambda _: '## question\n"Why?"\n## history\n[]',
    "nothing": lambda _: "",
    "an empty object": lambda _: "{}",
    "prose": lambda _: "The museum opens at ten.",
    "another language": lambda _: "博物館は十時に開きます。",
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
async def test_an_echo_is_no_plan(tmp_path, echo):
    prompt = [PROMPT[0].model_copy(update={"content": "Plan. Good: “Who founded the harbour museum?”"}), PROMPT[1]]
    with OpenAIServer(Reply(JSON)) as server:
        await Asked(tmp_path / "first", server.base_url).plan(prompt)
    spelled = server.requests[0]["messages"][0]["content"]
    with OpenAIServer(Reply(echo(spelled))) as server, pytest.raises(ModelOutputInvalid):
        await Asked(tmp_path / "second", server.base_url).plan(prompt)
    assert len(server.requests) == 2
    assert "does not fit" in server.requests[1]["messages"][-1]["content"]
