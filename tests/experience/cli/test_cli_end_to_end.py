"""The command in processes of its own: what a user and a script see."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from tests.doubles import processes
from tests.doubles.openai_server import OpenAIServer, Reply

pytestmark = pytest.mark.slow

QUESTION = "What is the price of Tariff A?"
CONSOLE = "experience.cli:main"
ANSI = "\x1b"
LONG_LEASE = {"SIXPLANE_RUN__LEASE_SECONDS": "86400"}
"""No test waits for a lease to expire: a thread that is resumed after a kill is resumed in spite of its lease."""


def environment_of(home: Path, server: OpenAIServer | None = None) -> dict[str, str]:
    endpoint = {"SIXPLANE_OPENAI__BASE_URL": server.base_url} if server else {}
    return {**os.environ, "SIXPLANE_HOME": str(home), "COLUMNS": "200", **LONG_LEASE, **endpoint}


def sixplane(home: Path, *arguments: str, server: OpenAIServer | None = None) -> Any:
    return processes.run(CONSOLE, *arguments, env=environment_of(home, server))


def in_process(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"SIXPLANE_HOME": str(home)})


@contextmanager
def asked_slowly(home: Path, server: OpenAIServer) -> Iterator[processes.Forked]:
    """Yield a `research` process that waits for its researcher's model."""
    command = ("research", QUESTION, "-c", "small", "--thread", "t", "--model", "openai:m", "--json")
    process = processes.Forked(CONSOLE, *command, env=environment_of(home, server))
    try:
        while not server.requests and process.poll() is None:
            time.sleep(0.02)
        assert server.requests, process.printed("stderr")
        yield process
    finally:
        process.kill()
        process.wait()


def plan_reply(**options: Any) -> Reply:
    plan = {"standalone_question": QUESTION, "sub_questions": [QUESTION]}
    return Reply(json.dumps(plan), **options)


def test_from_documents_to_a_verified_report(tmp_path, docs):
    home, report_file = tmp_path / "home", tmp_path / "report.json"
    ingested = sixplane(home, "ingest", str(docs), "--corpus", "small")
    assert (ingested.returncode, ingested.stderr) == (0, "")
    assert "3 added" in ingested.stdout

    found = sixplane(home, "search", "Tariff A", "--corpus", "small", "--json")
    assert found.returncode == 0, found.stderr
    assert "12 dollars" in json.loads(found.stdout)["passages"][0]["text"]

    asked = sixplane(
        home, "research", QUESTION, "-c", "small", "--thread", "t", "--json", "--out", str(tmp_path / "out")
    )
    assert asked.returncode == 0, asked.stderr
    assert {line.split(": ")[0] for line in asked.stderr.splitlines()} == {"written"}
    report = json.loads(asked.stdout)
    assert report["status"] == "answered"
    assert "12 dollars" in report["markdown"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.md", "report.json", "report.html"}
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report

    report_file.write_text(asked.stdout)
    verified = sixplane(home, "verify", str(report_file))
    assert (verified.returncode, verified.stderr) == (0, "")
    quote = report["claims"][0]["citations"][0]["quote"]
    report["claims"][0]["citations"][0]["quote"] = quote.replace("12", "13")
    report_file.write_text(json.dumps(report))
    tampered = in_process(home, "verify", str(report_file))
    assert tampered.exit_code == 2
    assert "quote_differs" in tampered.stdout


def test_a_finished_thread_is_listed_shown_and_has_nothing_to_resume_and_pipes_stay_clean(home):
    asked = sixplane(home, "research", QUESTION, "-c", "small", "--thread", "t")
    assert (asked.returncode, asked.stderr) == (0, "")
    for line in ("status: answered", "thread: t", "tariffs.md"):
        assert line in asked.stdout
    trace_id, folder = re.search(r"^trace: (\w+) in (.*)$", asked.stdout, re.MULTILINE).groups()
    assert [path for path in Path(folder).glob("*.jsonl") if trace_id in path.read_text()]
    listed = in_process(home, "threads")
    assert "t\tanswered\t" in listed.stdout
    shown = in_process(home, "show", "t")
    assert "12 dollars" in shown.stdout
    resumed = sixplane(home, "resume", "t")
    assert (resumed.returncode, resumed.stdout) == (2, "")
    assert "nothing left to do" in resumed.stderr
    assert "hint: `sixplane show`" in resumed.stderr
    assert ANSI not in "".join(each.stdout + each.stderr for each in (asked, listed, shown, resumed))


def test_a_terminal_sees_the_nodes(home):
    master, worker = pty.openpty()
    command = [sys.executable, "-c", "from experience.cli import main; main()", "research", QUESTION, "-c", "small"]
    environment = {**environment_of(home), "TERM": "xterm-256color"}
    process = subprocess.Popen(command, env=environment, stdin=worker, stdout=worker, stderr=worker)
    os.close(worker)
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(master, 65_536):
                seen.extend(chunk)
        except OSError:
            return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert process.wait() == 0
    reader.join()
    os.close(master)
    for node in ("guard_input", "researcher", "retrieve", "analyzer", "writer"):
        assert node.encode() in seen
    assert ANSI.encode() in seen
    assert b"12 dollars" in seen


def test_sigterm_stops_after_the_node_and_resume_goes_on(home):
    told = threading.Event()
    with OpenAIServer(plan_reply(gate=told), plan_reply()) as server:
        with asked_slowly(home, server) as process:
            process.send_signal(signal.SIGTERM)
            while "stop" not in process.printed("stderr") and process.poll() is None:
                time.sleep(0.02)
            told.set()
            ended = process.end()
        assert ended.returncode == 6, ended.stderr
        assert json.loads(ended.stdout) == {"status": "stopped", "thread_id": "t"}
        assert "sixplane resume t" in ended.stderr
        assert "Traceback" not in ended.stderr
        asked = len(server.requests)
        assert asked == 1
        resumed = sixplane(home, "resume", "t", "--json", server=server)
        report = json.loads(resumed.stdout)
        assert report["thread_id"] == "t"
        assert "Traceback" not in resumed.stderr
        assert "You plan the research" in json.dumps(server.requests[0])
        assert server.requests[1:]
        assert "You plan the research" not in json.dumps(server.requests[1])


def test_after_kill_9_the_thread_is_resumed_at_once(home):
    with OpenAIServer(plan_reply(gate=threading.Event())) as slow, asked_slowly(home, slow) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        busy = sixplane(home, "research", QUESTION, "-c", "small", "--thread", "t", "--json")
        assert busy.returncode == 5, busy.stderr
        assert json.loads(busy.stdout)["error"]["code"] == "thread_busy"
        assert "sixplane resume t" in busy.stderr
    with OpenAIServer(plan_reply()) as server:
        resumed = sixplane(home, "resume", "t", "--json", server=server)
        assert json.loads(resumed.stdout)["thread_id"] == "t"
        assert len(server.requests) > 1
