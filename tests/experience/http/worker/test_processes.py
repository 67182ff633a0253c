"""The work in a process of its own: held up, and killed. The service there is real, its model scripted.

    python -m tests.experience.http.worker.test_processes HOME

serves it until it is signalled.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from experience.http.app import create_app
from experience.http.front.app import create_front
from experience.http.front.serving import run_server
from experience.http.worker import Worker
from experience.http.worker.frames import framed
from experience.http.worker.process import main as work
from experience.service.runs import Runs
from experience.service.upkeep import take_up
from settings import Settings
from tests.crash.batch_victim import stubbed_service
from tests.doubles.processes import Forked
from tests.doubles.roles import scripted
from tests.doubles.waiting import until
from tests.experience.http.conftest import authenticate, client, events_of, running

ASKED = {"question": "What is the price of Tariff A?", "thread_id": "t", "context": {"model": "scripted:m"}}


HOLDING = "tests.experience.http.worker.test_processes:holding_app"


def holding_app(settings, authenticate):
    """Return the API over a model that holds its process up, as work does that keeps Python's lock, until it may go."""
    model = scripted()
    script = model.script

    def hold(messages, schema):
        Path(settings.home, "held").touch()
        while not Path(settings.home, "released").exists():
            time.sleep(0.01)  # on the event loop, so that nothing else runs
        return script(messages, schema)

    def opened(given):
        run = given.run.model_dump()
        return stubbed_service(given.home, model.model_copy(update={"script": hold}), run=run)

    return create_app(settings, authenticate, open_service=opened)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, server={"max_running": 1, "max_waiting": 0}, telemetry={"jsonl": False})


async def test_work_that_holds_its_process_delays_no_refusal_and_no_probe_and_is_taken_up(settings, tmp_path):
    worker = Worker(settings, HOLDING)
    app = create_front(settings, authenticate, worker)
    async with running(app) as url, client(url) as ann, client(url, None) as anybody:
        asking = asyncio.create_task(ann.post("/v1/chat", json=ASKED))
        await until((tmp_path / "held").exists)
        assert (await anybody.get("/v1/corpora")).status_code == 401
        assert (await anybody.get("/v1/health/live")).json() == {"status": "live"}
        assert (await anybody.get("/v1/health/ready")).json() == {"status": "ready"}
        refused = await ann.post("/v1/chat", json=ASKED)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_busy")
        assert not asking.done()
        (tmp_path / "released").touch()
        assert (await asking).json()["status"] == "answered"

        for name in ("held", "released"):
            (tmp_path / name).unlink()
        await until(lambda: not worker.room._told.admitted)  # that its place is free is told a moment later
        asking = asyncio.create_task(ann.post("/v1/chat", json={**ASKED, "thread_id": "u"}))
        await until((tmp_path / "held").exists)
        worker._ending.set()  # it is not to be started again
        worker._process.stdin.close()  # without a word, as if this process had been killed
        (tmp_path / "released").touch()
        assert (await asking).status_code == 503
        assert await worker._process.wait() == -signal.SIGKILL
    async with stubbed_service(settings.home, scripted()) as service:
        assert (await service.record("local", "u")).status == "running"  # not stopped, as by a person
        runs = Runs(service)
        assert await take_up(runs) == 1
        run = await runs.get("local", (await service.record("local", "u")).run_id)
        assert (await run.ended()).report.status == "answered"


def test_a_server_that_is_killed_takes_the_process_that_works_with_it_while_that_starts(tmp_path):
    assert Forked(f"{__name__}:starting", str(tmp_path)).wait() == -signal.SIGKILL


def starting():
    """Become the process that works, over orders that end without a word while its service opens."""
    heard, told = os.pipe()
    os.dup2(heard, 0)
    os.environ["ORDERS"] = str(told)
    given = {"application": f"{__name__}:unopened_app", "settings": pickle.dumps(Settings(home=sys.argv[1]))}
    _, theirs = socket.socketpair()
    os.write(told, framed({"path": sys.path, "connections": theirs.detach(), **given}))
    work()


def unopened_app(settings, authenticate):
    """Hold the event loop up for ever, and let the process that takes connections be killed meanwhile."""
    os.close(int(os.environ["ORDERS"]))
    while True:
        time.sleep(1)


@pytest.mark.long
async def test_the_runs_of_a_server_that_is_killed_end_with_a_report_after_its_restart(tmp_path):
    first = await asyncio.to_thread(Serving, tmp_path)
    async with client(first.url) as ann:
        asking = asyncio.create_task(ann.post("/v1/chat", json=ASKED))
        await until((tmp_path / "held").exists)
        first.process.kill()
        with pytest.raises(httpx.TransportError):
            await asking
    (tmp_path / "released").touch()
    second = await asyncio.to_thread(Serving, tmp_path)
    async with client(second.url) as ann:

        async def answered():
            thread = (await ann.get("/v1/threads/t")).json()
            return thread["record"]["status"] == "answered" and thread["report"]["claims"]

        await until(answered)
    second.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(second.process.wait) == 0


class Serving:
    """A server in a process of its own, which works in another one."""

    def __init__(self, home):
        self.process = Forked(__name__, str(home))
        found = re.search(r"http://\S+", self.process.line("stdout"))
        if found is None:
            raise RuntimeError(self.process.printed("stderr"))
        self.url = found[0]


@pytest.mark.long
async def test_a_process_that_is_killed_is_started_again_and_its_run_is_resumed(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("experience.http.worker.keeper._FIRST_PAUSE", 0.0)
    settings = settings.model_copy(update={"run": settings.run.model_copy(update={"lease_seconds": 2})})
    worker = Worker(settings, HOLDING)
    app = create_front(settings, authenticate, worker)
    async with running(app) as url, client(url) as ann, client(url, None) as anybody:
        asking = asyncio.create_task(ann.post("/v1/chat", json=ASKED))
        await until((tmp_path / "held").exists)
        (tmp_path / "released").touch()
        os.kill(worker.pid, signal.SIGKILL)
        gone = await asking
        assert (gone.status_code, gone.json()["code"]) == (503, "dependency_unavailable")

        async def unhealthy():  # its connections may end before the pipe by which its end is noticed
            return (await anybody.get("/ready")).json() == {"status": "unhealthy"}

        await until(unhealthy)
        assert (await anybody.get("/v1/corpora")).status_code == 401

        async def resumed():
            answer = await ann.post("/v1/threads/t/resume", json={})
            return answer.status_code == 200 and answer.json()["status"] == "answered"

        await until(resumed)
        run_id = (await ann.get("/v1/threads/t")).json()["record"]["run_id"]
        after = {"last-event-id": f"{run_id}.0123abcd:3"}  # of the process that was killed
        async with ann.stream("GET", f"/v1/runs/{run_id}/events", headers=after) as answer:
            assert (await events_of(answer))[-1][1]["type"] == "report"
        assert (await anybody.get("/ready")).json() == {"status": "ready"}
        assert not worker._drained.is_set()  # the end of the first process is no drain of the second


def main():
    """Serve until a signal. Runs of dead processes are taken up."""
    settings = Settings(home=sys.argv[1], server={"port": 0}, run={"recover": True}, telemetry={"jsonl": False})
    worker = Worker(settings, HOLDING)

    def tell(url):
        os.write(1, f"{url}\n".encode())

    run_server(create_front(settings, authenticate, worker), worker, settings.server, started=tell)


if __name__ == "__main__":
    main()
