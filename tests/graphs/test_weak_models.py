"""A model that echoes its prompt, talks, or says nothing: the run ends typed, and nothing of it is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from gateway import Answer, ScriptedChatModel
from gateway.schemas import schema_in_words
from state.report import Report
from state.roles import ROLE_SCHEMAS
from tests.doubles.roles import PLAYS, scripted

QUESTION = "When did the Falcon project start?"
SCHEMAS = {schema.__name__: schema for schema in ROLE_SCHEMAS}

Says = Callable[[list[BaseMessage], str], Any]
WEAK: dict[str, Says] = {
    "its instructions": lambda messages, _: messages[0].text,
    "its input": lambda messages, _: messages[1].text,
    "a field of its input": lambda messages, _: "\n".join(messages[1].text.split("\n")[:2]),
    "the schema": lambda _, schema: schema_in_words(SCHEMAS[schema]),
    "an empty object": lambda *_: "{}",
    "a list": lambda *_: "[1, 2, 3]",
    "nothing": lambda *_: "",
    "prose": lambda *_: "I am a language model. I cannot read documents, but I would say 2017 or so.",
    "another language": lambda *_: "Das Projekt begann im Jahr 2017, glaube ich.",
    "marks that do not exist": lambda *_: "It began in 2017 [E99]. [E98]",
    "half an object": lambda *_: Answer(
        '{"markdown": "It began in 2017 [E1].", "sub_questions": ["When?"], "a', truncated=True
    ),
    "only thoughts": lambda *_: "<think>It began in 2017 [E1].",
    "deep nesting": lambda *_: '{"a":' * 5_000,
}


@pytest.mark.parametrize("says", WEAK.values(), ids=WEAK)
async def test_a_weak_model_in_every_role_ends_typed(build: Any, ask: Any, says: Says) -> None:
    report = Report.model_validate(await ask(build(ScriptedChatModel(script=says)), QUESTION))
    assert (report.status, report.stop_reason) == ("stopped", "model_output_invalid")
    assert report.claims == ()
    assert "2017" not in report.model_dump_json()


@pytest.mark.parametrize("says", WEAK.values(), ids=WEAK)
async def test_a_weak_writer_leaves_what_the_analyzer_quoted(build: Any, ask: Any, says: Says) -> None:
    model = scripted()
    play = model.script
    model.script = lambda messages, schema: (says if schema == "WrittenDraft" else play)(messages, schema)
    report = Report.model_validate(await ask(build(model), QUESTION))
    published = json.dumps([report.markdown, [claim.text for claim in report.claims], report.gaps, report.unresolved])
    assert report.status in ("partial", "abstained")
    assert "2017" not in published
    assert "language model" not in published


@pytest.mark.parametrize("role", ["Analysis", "Review", "JudgedReview", "Verdicts"])
@pytest.mark.parametrize("says", WEAK.values(), ids=WEAK)
async def test_a_weak_model_in_one_role_never_crashes_a_run(build: Any, ask: Any, says: Says, role: str) -> None:
    assert {"Analysis", "Review"} <= PLAYS.keys()
    model = scripted()
    play = model.script
    model.script = lambda messages, schema: (says if schema == role else play)(messages, schema)
    report = Report.model_validate(await ask(build(model), QUESTION))
    assert report.stop_reason in ("approved", "model_output_invalid", "unverified_claims", "judge_unavailable")
    assert "2017" not in report.markdown
