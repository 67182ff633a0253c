"""One question, seven ways: Python, command line, HTTP, OpenAI's client, MCP, LangGraph's client, batch."""

from __future__ import annotations

import json
import shutil

import openai
import pytest
from langgraph_sdk import get_client

from experience.http.app import create_app
from experience.mcp.serving import create_mcp_app
from experience.render import passage_address, render_answer
from state.report import Report
from tests.doubles import processes
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_mcp import called, over_http
from tests.experience.service.helpers import ask, service_of
from tests.experience.studio import studio

QUESTION = "What is the price of Tariff A, and what does Tariff B include?"
OF_THE_RUN = {"thread_id", "run_id", "trace_id", "timings_ms"}
"""What differs from run to run: ids and times."""

pytestmark = pytest.mark.slow


def sixplane(*arguments: str) -> str:
    ended = processes.run("experience.cli:main", *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def by_python(home, folder):
    async with service_of(home) as service:
        return (await service.run(ask(QUESTION))).model_dump(mode="json")


async def by_command_line(home, folder):
    return json.loads(sixplane("research", QUESTION, "--corpus", "small", "--home", str(home), "--json"))


async def by_http(home, folder):
    async with served(home) as url, client(url) as ann:
        return (await ann.post("/v1/chat", json=chat(QUESTION))).json()


async def by_openai(home, folder):
    async with served(home, make=create_app) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann") as one:
        asked = [{"role": "user", "content": QUESTION}]
        answer = await one.chat.completions.create(model="sixplane/small", messages=asked)
    report = Report.model_validate(answer.model_extra["sixplane"]["report"])
    links = render_answer(report, lambda item: f"{url}{passage_address('small', item.id, report.run_id)}")
    assert answer.choices[0].message.content == links
    return answer.model_extra["sixplane"]["report"]


async def by_mcp(home, folder):
    async with served(home, make=create_mcp_app) as url, over_http(url) as agent:
        begun = await called(agent, "research_start", question=QUESTION, corpus="small")
        return (await called(agent, "research_result", run_id=begun["run_id"]))["report"]


async def by_langgraph(home, folder):
    async with studio(home, folder / "log") as url, get_client(url=url) as server:
        thread = (await server.threads.create())["thread_id"]
        ended = await server.runs.wait(thread, "research", input={"question": QUESTION}, context={"corpus": "small"})
        return ended["report"]


async def by_batch(home, folder):
    rows, outcomes = folder / "in.jsonl", folder / "out.jsonl"
    rows.write_text(json.dumps({"question": QUESTION}) + "\n")
    sixplane("batch", str(rows), "--out", str(outcomes), "--corpus", "small", "--home", str(home))
    return json.loads(outcomes.read_text().splitlines()[-1])["report"]


WAYS = (by_python, by_command_line, by_http, by_openai, by_mcp, by_langgraph, by_batch)


async def test_the_same_question_gets_the_same_report_by_every_way(prepared, tmp_path):
    reports = {}
    for way in WAYS:
        folder = tmp_path / way.__name__
        home = shutil.copytree(prepared / "home", folder / "home")
        report = await way(home, folder)
        Report.model_validate(report)
        reports[way.__name__] = {name: value for name, value in report.items() if name not in OF_THE_RUN}
    expected = reports["by_python"]
    assert expected["status"] == "answered"
    assert "12 dollars" in expected["markdown"]
    assert "support around the clock" in expected["markdown"]
    for way, report in reports.items():
        assert report == expected, way
