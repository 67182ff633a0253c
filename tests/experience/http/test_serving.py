"""`sixplane serve` as a process: API keys, SIGTERM during runs and streams, a port in use, a missing extra."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest

from experience.cli.commands.operating.serve import tell
from settings import Settings
from tests.doubles import processes
from tests.doubles.waiting import SAFETY_SECONDS, safely, until
from tests.experience.http.conftest import chat
from tests.experience.service.helpers import events_of, service_of

QUESTION = "What is the price of Tariff A?"
WITHOUT = "import sys; sys.modules['{}'] = None; from experience.cli import main; main()"


def sixplane(home, *arguments):
    return processes.run("experience.cli:main", *arguments, "--home", str(home))


class Served:
    """A server in its own process."""

    def __init__(self, home):
        self.process = processes.Forked("experience.cli:main", "serve", "--port", "0", "--home", str(home))
        self.url = re.search(r"http://\S+(?=;)", self.process.line("stderr"))[0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def key_of(home):
    made = sixplane(home, "keys", "create", "--principal", "ann", "--role", "ask", "--json")
    return json.loads(made.stdout)["key"]


async def ready(served):
    async with httpx.AsyncClient(timeout=SAFETY_SECONDS) as one:
        while served.process.poll() is None:
            with suppress(httpx.TransportError):  # the address is printed before the service is open
                if (await one.get(f"{served.url}/v1/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise RuntimeError(served.process.printed("stderr"))


async def test_sigterm_stops_every_run_where_it_can_be_resumed(home):
    key = await asyncio.to_thread(key_of, home)
    served = await asyncio.to_thread(Served, home)
    await ready(served)
    async with httpx.AsyncClient(
        base_url=served.url, headers={"authorization": f"Bearer {key}"}, timeout=SAFETY_SECONDS
    ) as ann:
        asking = [asyncio.create_task(ann.post("/v1/chat", json=chat(thread=f"t{n}"))) for n in range(8)]

        async def begun():
            return (await ann.get("/v1/threads")).json()["threads"]

        await until(begun)
        status = await asyncio.to_thread(served.stop)
        answers = [await each for each in asking]
    assert status == 0
    assert {answer.status_code for answer in answers} <= {200, 202, 429}
    told = [answer.json()["status"] for answer in answers if answer.status_code != 429]
    assert set(told) <= {"answered", "stopped"}
    assert "stopped" in told
    threads = json.loads((await asyncio.to_thread(sixplane, home, "threads", "--json")).stdout)
    assert len(threads) == len(told)
    first, *others = [record["thread_id"] for record in threads if record["status"] == "interrupted"]
    resumed = await asyncio.to_thread(sixplane, home, "resume", first, "--json")
    assert json.loads(resumed.stdout)["status"] == "answered"
    # A process per thread would take longer than everything above, and would prove no more about the threads.
    async with service_of(home) as service:
        for thread in others:
            assert (await events_of(service.resume("local", thread)))[-1].report.status == "answered"


async def test_streams_end_with_the_stop_of_their_run(home):
    key = await asyncio.to_thread(key_of, home)
    served = await asyncio.to_thread(Served, home)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=SAFETY_SECONDS) as ann:
        begun = asyncio.Event()

        async def lines(path, body):
            found = []
            async with ann.stream("POST", path, json=body) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        found.append(line[6:])
                        begun.set()
            return found

        asked = {"model": "sixplane/small", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
        ours = [asyncio.create_task(lines("/v1/chat/stream", chat(thread=f"t{n}"))) for n in range(6)]
        theirs = [asyncio.create_task(lines("/v1/chat/completions", asked)) for _ in range(6)]
        await safely(begun.wait())
        assert await asyncio.to_thread(served.stop) == 0
        told = [await each for each in ours]
        completed = [await each for each in theirs]
    assert {json.loads(each[-1])["type"] for each in told if each} <= {"report", "stopped"}
    assert any(json.loads(each[-1])["type"] == "stopped" for each in told if each)
    assert {each[-1] for each in completed if each} == {"[DONE]"}


def test_a_service_that_cannot_be_opened_is_reported_as_by_other_commands(home):
    (home / "threads.db").mkdir()
    ended = sixplane(home, "serve", "--port", "0")
    assert ended.returncode == sixplane(home, "threads").returncode == 5
    assert "hint:" in ended.stderr
    assert "threads.db" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "serving on" not in ended.stderr
    assert "uvicorn" not in ended.stderr  # which would say that something has failed, and not what


@pytest.mark.parametrize("form", ["text", "json"])
def test_where_it_serves_is_told_as_the_log_is_written(form, tmp_path, caplog, capsys):
    caplog.set_level("INFO")
    tell(Settings(home=tmp_path, server={"log_format": form}), "serving on http://127.0.0.1:1")
    logged = ["serving on http://127.0.0.1:1"] if form == "json" else []
    assert [record.getMessage() for record in caplog.records] == logged
    assert capsys.readouterr().err == ("" if form == "json" else "serving on http://127.0.0.1:1\n")


def test_a_port_in_use_is_an_unavailable_dependency(home):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = sixplane(home, "serve", "--port", str(taken.getsockname()[1]))
    assert ended.returncode == 5
    assert "is in use" in ended.stderr
    assert "--port" in ended.stderr


@pytest.mark.parametrize(("name", "package"), [("serve", "fastapi"), ("mcp", "mcp")])
def test_a_missing_extra_names_what_to_install(home, name, package):
    command = [sys.executable, "-c", WITHOUT.format(package), name, "--home", str(home)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "pip install 'sixplane[server]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_keys_are_created_listed_rotated_and_revoked(home):
    made = json.loads(
        sixplane(home, "keys", "create", "--principal", "ann", "--role", "ask", "--expires", "90d", "--json").stdout
    )
    listed = sixplane(home, "keys", "list", "--json").stdout
    assert json.loads(listed)[0]["key_id"] == made["key_id"]
    assert made["key"] not in listed
    rotated = json.loads(sixplane(home, "keys", "rotate", made["key_id"], "--overlap", "12h", "--json").stdout)
    assert rotated["key"] != made["key"]
    old, new = json.loads(sixplane(home, "keys", "list", "--json").stdout)
    assert (new["key_id"], new["principal"], new["roles"]) == (rotated["key_id"], old["principal"], old["roles"])
    assert old["expires_at"] < new["expires_at"]
    assert sixplane(home, "keys", "revoke", made["key_id"]).returncode == 0
    again = sixplane(home, "keys", "revoke", made["key_id"])
    assert (again.returncode, "that could be revoked" in again.stderr) == (2, True)
    for wrong in (("--role", "king"), ("--role", "ask", "--expires", "soon")):
        refused = sixplane(home, "keys", "create", "--principal", "ann", *wrong)
        assert (refused.returncode, "hint:" in refused.stderr) == (2, True)
