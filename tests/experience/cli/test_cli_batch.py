"""`sixplane batch` at the command line."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experience.append_only import open_append_only
from experience.cli.app import app
from tests.doubles import processes
from tests.doubles.openai_server import OpenAIServer, Reply

QUESTION = "What is the price of Tariff A?"


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["batch", *arguments], env={"SIXPLANE_HOME": str(home), "COLUMNS": "200"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f"{json.dumps({'id': name, 'question': QUESTION})}\n" for name in "ab"))
    return path


def test_a_job_prints_one_summary_and_a_second_start_changes_nothing(home, source, tmp_path):
    out = tmp_path / "new" / "out.jsonl"
    first = run(home, str(source), "--out", str(out), "--corpus", "small", "--json")
    assert (first.exit_code, first.stderr) == (0, "")
    summary = json.loads(first.stdout)
    assert (summary["rows"], summary["counts"]["done"], summary["reports"]) == (2, 2, {"answered": 2})
    whole = out.read_bytes()
    again = run(home, str(source), "--out", str(out), "--corpus", "small")
    assert again.exit_code == 0
    assert "rows: 2 (2 done, 0 failed, 0 refused, 0 review_pending, 0 unfinished)" in again.stdout
    assert out.read_bytes() == whole
    reports = [json.loads(line)["report"] for line in whole.splitlines()[1:]]
    assert all("12 dollars" in report["markdown"] for report in reports)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--corpus", "nowhere"), 2, "sixplane ingest"),
        (("--workers", "2"), 2, "--engine ray"),
        (("--engine", "spark"), 2, "local, ray"),
        (("--retry", "all"), 2, "--retry failed"),
        (("--tenant", "../x"), 2, "tenant name"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_runs(arguments, status, said, home, source, tmp_path):
    out = tmp_path / "out.jsonl"
    result = run(home, str(source), "--out", str(out), "-c", "small", *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr
    assert "hint: " in result.stderr
    assert not out.exists()


def test_a_missing_input_a_foreign_output_and_a_busy_one(home, source, tmp_path):
    out = tmp_path / "out.jsonl"
    missing = run(home, "nowhere.jsonl", "--out", str(out), "-c", "small")
    assert (missing.exit_code, "nowhere.jsonl" in missing.stderr) == (2, True)
    out.write_text("my notes")
    foreign = run(home, str(source), "--out", str(out), "-c", "small", "--json")
    assert (foreign.exit_code, json.loads(foreign.stdout)["error"]["code"]) == (2, "batch_mismatch")
    assert out.read_text() == "my notes"
    with open_append_only(tmp_path / "busy.jsonl"):
        busy = run(home, str(source), "--out", str(tmp_path / "busy.jsonl"), "-c", "small")
    assert (busy.exit_code, "another process" in busy.stderr) == (5, True)
    assert not list(tmp_path.glob("*.lock"))


def test_failed_rows_are_told_and_give_the_exit_status(home, source, tmp_path):
    source.write_text(source.read_text() + '{"id": "c", "question": "torn\n')
    out = tmp_path / "out.jsonl"
    result = run(home, str(source), "--out", str(out), "-c", "small")
    assert result.exit_code == 2
    assert (
        "failed: line 3 (c): bad_input: the line is not JSON: it ends while parsing a string, at byte 29"
        in result.stdout
    )
    assert "error: 1 rows failed: 1 bad_input" in result.stderr
    outcomes = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    assert {each["id"]: each["malformed"] for each in outcomes} == {"a": False, "b": False, "c": True}


def test_the_hint_offers_a_retry_only_for_rows_that_a_retry_asks_again(home, source, tmp_path):
    source.write_text("torn\n")
    command = (str(source), "--out", str(tmp_path / "out.jsonl"), "-c", "small")
    torn = run(home, *command)
    assert "--retry failed" not in torn.stderr
    assert "the 1 that cannot be read" in torn.stderr
    assert run(home, *command, "--retry", "failed").stdout == torn.stdout
    source.write_text(json.dumps({"question": QUESTION, "context": {"model": "openai:none"}}))
    asked = run(home, *command[:1], "--out", str(tmp_path / "other.jsonl"), "-c", "small")
    assert "`--retry failed` asks 1 of them again" in asked.stderr
    assert "cannot be read" not in asked.stderr


@pytest.mark.parametrize(("usd", "said"), [("0", "allows nothing"), ("-1", "not an amount"), ("1e3", "not an amount")])
def test_a_budget_is_an_amount_in_usd(home, source, tmp_path, usd, said):
    result = run(home, str(source), "--out", str(tmp_path / "out.jsonl"), "-c", "small", "--budget-usd", usd)
    assert (result.exit_code, said in result.stderr, "hint: " in result.stderr) == (2, True, True)


def test_a_spent_job_says_so_in_usd(home, source, tmp_path):
    prices = {"SIXPLANE_MODELS__PRICES_MICRO_USD": '{"extractive": [1000000, 1000000]}'}
    command = ["batch", str(source), "--out", str(tmp_path / "out.jsonl"), "-c", "small", "--budget-usd", "0.000001"]
    result = CliRunner().invoke(app, command, env={"SIXPLANE_HOME": str(home), **prices})
    assert result.exit_code == 4
    assert "the job budget of 0.000001 USD does not cover" in result.stderr
    assert "with a higher `--budget-usd`" in result.stderr
    assert "micro" not in result.stdout + result.stderr


@pytest.mark.slow
def test_sigterm_drains_and_the_same_command_goes_on(home, source, tmp_path):
    plan = json.dumps({"standalone_question": QUESTION, "sub_questions": [QUESTION]})
    command = ["batch", str(source), "--out", str(tmp_path / "out.jsonl"), "-c", "small"]
    command += ["--model", "openai:m", "--concurrency", "1", "--json"]
    told = threading.Event()
    with OpenAIServer(Reply(plan, gate=told), Reply(plan)) as server:
        environment = {**os.environ, "SIXPLANE_HOME": str(home), "SIXPLANE_OPENAI__BASE_URL": server.base_url}
        process = processes.Forked("experience.cli:main", *command, env=environment)
        while not server.requests and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        while "stop" not in process.printed("stderr") and process.poll() is None:
            time.sleep(0.02)
        told.set()
        ended = process.end()
        err, summary = ended.stderr, json.loads(ended.stdout)
        assert ended.returncode == 6, err
        assert (summary["ending"], summary["unfinished"]) == ("stopped", 2)
        assert "run the same command to continue" in err
        assert "Traceback" not in err
        rest = processes.run("experience.cli:main", *command, env=environment)
        assert json.loads(rest.stdout)["unfinished"] == 0, rest.stderr
        planned = sum("You plan the research" in json.dumps(request) for request in server.requests)
        assert planned == 2
