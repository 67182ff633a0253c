"""The work in a process of its own: held up, and killed. The service there is real, its model scripted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from experience.http.app import create_app
from experience.http.worker import Worker
from settings import Settings
from tests.crash.batch_victim import stubbed_service
from tests.doubles.roles import scripted
from tests.doubles.waiting import until
from tests.experience.http.conftest import authenticate, client, running

ASKED = {"question": "What is the price of Tariff A?", "thread_id": "t", "context": {"model": "scripted:m"}}


def holding_app(settings, authenticate, *, worker=None):
    """Return the API over a model that holds its process up, as work does that keeps Python's lock, until it may go."""
    model = scripted()
    script = model.script

    def hold(messages, schema):
        Path(settings.home, "held").touch()
        while not Path(settings.home, "released").exists():
            time.sleep(0.01)  # on the event loop, so that nothing else runs
        return script(messages, schema)

    def opened(given):
        return stubbed_service(given.home, model.model_copy(update={"script": hold}))

    return create_app(settings, authenticate, open_service=opened, worker=worker)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, server={"max_running": 1, "max_waiting": 0}, telemetry={"jsonl": False})


async def test_work_that_holds_its_process_delays_no_refusal_and_no_probe(settings, tmp_path):
    app = holding_app(settings, authenticate, worker=Worker(settings, holding_app))
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


@pytest.mark.long
async def test_a_process_that_is_killed_is_started_again_and_its_run_is_resumed(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("experience.http.worker.keeper._FIRST_PAUSE", 0.0)
    settings = settings.model_copy(update={"run": settings.run.model_copy(update={"lease_seconds": 1})})
    worker = Worker(settings, holding_app)
    app = holding_app(settings, authenticate, worker=worker)
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
        assert (await anybody.get("/ready")).json() == {"status": "ready"}
        assert not worker._drained.is_set()  # the end of the first process is no drain of the second
