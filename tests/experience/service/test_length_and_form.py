"""The wanted length and form of an answer reach a run from every surface, and nonsense is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from experience.mcp.serving import create_mcp_app
from state.report import Report
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_mcp import called, over_http

QUESTION = "What is Tariff A?"
"""The extractive model answers it with two sentences, a place and an excerpt; a brief answer has the best sentence."""


def on_command_line(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"SIXPLANE_HOME": str(home), "COLUMNS": "200"})


@pytest.mark.parametrize(("length", "claims"), [((), 4), (("--length", "brief"), 3)])
def test_the_command_line(home: Path, length: tuple[str, ...], claims: int) -> None:
    told = on_command_line(home, "research", QUESTION, "-c", "small", "--form", "table", *length, "--json")
    assert told.exit_code == 0, told.stderr
    assert len(json.loads(told.stdout)["claims"]) == claims


@pytest.mark.parametrize("option", ["--length", "--form"])
def test_a_length_or_form_that_does_not_exist_is_a_usage_error(home: Path, option: str) -> None:
    told = on_command_line(home, "research", QUESTION, "-c", "small", option, "novel")
    assert told.exit_code == 2
    assert option in told.stderr


def test_a_batch_and_its_rows(home: Path, tmp_path: Path) -> None:
    rows = [{"question": QUESTION}, {"question": QUESTION, "context": {"length": "standard", "form": "steps"}}]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    told = on_command_line(home, "batch", str(source), "--out", str(out), "-c", "small", "--length", "brief")
    assert told.exit_code == 0, told.stderr
    outcomes = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    assert {each["line"]: len(each["report"]["claims"]) for each in outcomes} == {1: 3, 2: 4}


async def test_http(home: Path) -> None:
    async with served(home) as url, client(url) as ann:
        brief = await ann.post("/v1/chat", json=chat(QUESTION, length="brief", form="report"))
        refused = await ann.post("/v1/chat", json=chat(QUESTION, form="novel"))
    assert len(brief.json()["claims"]) == 3
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_input")


async def test_openai_clients(home: Path) -> None:
    asked: dict[str, Any] = {"model": "sixplane/small", "messages": [{"role": "user", "content": QUESTION}]}
    async with served(home) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann", max_retries=0) as official:
        answer = await official.chat.completions.create(**asked, extra_body={"length": "brief", "form": "table"})
        with pytest.raises(openai.BadRequestError, match="form"):
            await official.chat.completions.create(**asked, extra_body={"form": "novel"})
    assert answer.model_extra is not None
    assert len(Report.model_validate(answer.model_extra["sixplane"]["report"]).claims) == 3


async def test_mcp(home: Path) -> None:
    async with served(home, make=create_mcp_app) as url, over_http(url) as session:
        context = {"length": "brief", "form": "steps"}
        begun = await called(session, "research_start", question=QUESTION, corpus="small", context=context)
        result = await called(session, "research_result", run_id=begun["run_id"])
        refused = await called(session, "research_start", question=QUESTION, context={"length": "long"})
    assert len(result["report"]["claims"]) == 3
    assert refused["code"] == "bad_input"
