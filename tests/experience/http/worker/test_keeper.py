"""The process that works is started again whatever hindered it, and is let end whenever the server stops."""

from __future__ import annotations

import asyncio
import pickle
import signal
import sys
from types import SimpleNamespace

import pytest

from experience.http.worker.connections import Connections
from experience.http.worker.frames import framed
from experience.http.worker.keeper import Worker
from settings import Settings
from state.errors import DependencyUnavailable, StorageFull
from tests.doubles.waiting import safely, until


class Mortal(Worker):
    """Over a process that ends as soon as `dies` is set; starting it raises the errors of `fails` first."""

    def __init__(self, settings, fails=()):
        super().__init__(settings, "nothing:is_started")
        self.dies, self.fails, self.starts = asyncio.Event(), [*fails], 0

    async def _start(self):
        self.starts += 1
        if self.starts > 1 and self.fails:
            raise self.fails.pop(0)
        self._connections = Connections()

    async def _listen(self):
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait((asyncio.create_task(self.dies.wait()), ending), return_when=asyncio.FIRST_COMPLETED)
        self.dies.clear()


async def test_an_error_of_the_system_does_not_end_the_attempts(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("experience.http.worker.keeper._FIRST_PAUSE", 0.0)
    worker = Mortal(Settings(home=tmp_path), [OSError("private"), TypeError("private")])
    async with worker.running():
        worker.dies.set()
        await until(lambda: worker.starts == 4 and worker._connections)
    assert "cannot be started: OSError" in caplog.text
    assert "private" not in caplog.text


async def test_a_process_that_hangs_while_it_starts_is_ended_and_told_with_a_remedy(tmp_path, monkeypatch):
    hanging = (sys.executable, "-S", "-c", "import signal; signal.pause()")
    monkeypatch.setattr("experience.http.worker.keeper._COMMAND", hanging)
    worker = Worker(Settings(home=tmp_path), "nothing:is_started", start_seconds=0.01)
    with pytest.raises(DependencyUnavailable, match="has not started within") as caught:
        await safely(worker._start())
    assert "sixplane doctor" in caught.value.hint
    assert worker._process.returncode == -signal.SIGKILL


async def test_a_process_that_fails_while_it_closes_is_heard_to_its_end(tmp_path, caplog):
    worker = Worker(Settings(home=tmp_path), "nothing:is_started")
    heard = asyncio.StreamReader()
    heard.feed_data(framed({"type": "failed", "error": pickle.dumps(StorageFull("private"))}))
    heard.feed_data(framed({"type": "drained"}))
    heard.feed_eof()
    worker._process = SimpleNamespace(stdout=heard)
    await worker._listen()
    assert worker._drained.is_set()
    assert "failed: StorageFull" in caplog.text
    assert "private" not in caplog.text


async def test_a_server_that_stops_starts_nothing_again_and_waits_for_no_pause(tmp_path, monkeypatch):
    monkeypatch.setattr("experience.http.worker.keeper._FIRST_PAUSE", 3600.0)
    monkeypatch.setattr("experience.http.worker.keeper.ENDING_SECONDS", 3600.0)
    worker = Mortal(Settings(home=tmp_path))

    async def stopped_while_nothing_runs():
        async with worker.running():
            worker.dies.set()
            await until(lambda: worker._connections is None)

    await safely(stopped_while_nothing_runs())
    assert worker.starts == 1
