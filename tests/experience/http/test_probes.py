"""Probes need no credentials, so they must not make the server work for everybody who asks."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from experience.doctor.values import HealthCheck, HealthStatus, State, status_of
from experience.http.health import SURE_SECONDS, Readiness
from policy.pii import PersonalDataGuard
from retrieval.embedded.snapshot import Snapshot
from state.errors import DependencyUnavailable
from tests.doubles.clock import Clock
from tests.experience.http.conftest import client, served
from tests.experience.service.helpers import service_of


async def test_many_probes_are_one_check():
    clock, checked = Clock(), []

    async def check() -> HealthStatus:
        await asyncio.sleep(0)
        checked.append(clock())
        return status_of([HealthCheck(name="x", ok=len(checked) == 1, detail="")])

    readiness = Readiness(clock)
    assert await asyncio.gather(*(readiness.state(check) for _ in range(50))) == [State.READY] * 50
    assert len(checked) == 1
    clock.now += SURE_SECONDS
    assert await readiness.state(check) is State.UNHEALTHY
    assert len(checked) == 2


async def test_a_check_that_fails_is_asked_as_rarely_and_counts_as_unhealthy():
    clock, asked = Clock(), []

    async def check() -> HealthStatus:
        asked.append(clock())
        raise LookupError

    readiness = Readiness(clock)
    with pytest.raises(LookupError):
        await readiness.state(check)
    assert await readiness.state(check) is State.UNHEALTHY
    assert len(asked) == 1


async def probed(app_url, monkeypatch):
    monkeypatch.setattr("experience.http.health.SURE_SECONDS", 0.0)
    async with client(app_url, None) as anybody:
        answer = await anybody.get("/v1/health/ready")
        return answer.status_code, answer.json()["status"]


async def detailed(url):
    async with client(url, "root") as root:
        told = (await root.get("/v1/health")).json()
    return told["status"], {check["name"]: check["detail"] for check in told["checks"] if not check["ok"]}


@pytest.mark.parametrize("back", [False, True])
async def test_a_home_that_was_deleted_is_not_healthy_nor_is_a_new_one_in_its_place(url, home, monkeypatch, back):
    assert await probed(url, monkeypatch) == (200, "ready")
    home.rename(home.with_name("gone"))
    if back:
        home.mkdir()
    assert await probed(url, monkeypatch) == (503, "unhealthy")
    state, failed = await detailed(url)
    assert (state, failed["home"]) == ("unhealthy", "the home folder was removed or replaced")
    assert back == home.exists()  # a check makes nothing


async def test_a_database_that_was_replaced_is_not_healthy(url, home, monkeypatch):
    (home / "threads.db").unlink()
    assert await probed(url, monkeypatch) == (503, "unhealthy")
    assert (await detailed(url))[1]["home"] == "threads.db was removed or replaced"


async def amiss(service):
    """The checks that have failed, but for the guards, which these tests do not load."""
    return [check for check in (await service.ready()).checks if not check.ok and check.name != "guards"]


async def test_checkpoints_that_cannot_be_read_are_not_healthy(home, monkeypatch):
    async with service_of(home) as service:
        assert await amiss(service) == []
        read = service.graph.checkpointer.aget_tuple

        async def broken(config):
            if config["configurable"]["thread_id"] == "-":
                raise sqlite3.DatabaseError("database disk image is malformed")
            return await read(config)

        monkeypatch.setattr(service.graph.checkpointer, "aget_tuple", broken)
        (failed,) = await amiss(service)
        assert (failed.name, failed.essential) == ("checkpoints", True)
        assert "backup" in failed.hint


@pytest.mark.parametrize("damage", ["folder", "head"])
async def test_an_audit_trail_that_takes_no_line_is_not_healthy(home, monkeypatch, damage):
    async with service_of(home) as service:
        assert await amiss(service) == []
        if damage == "folder":
            (home / "audit.jsonl").mkdir()
        else:
            (home / "audit.jsonl.head").write_text("nonsense")
        (failed,) = await amiss(service)
        assert (failed.name, failed.essential) == ("audit", True)
        assert "audit verify" in failed.hint


@pytest.mark.parametrize("part", ["store", "index"])
async def test_a_corpus_that_cannot_be_searched_degrades(home, monkeypatch, part):
    async with service_of(home) as service:
        await (await service.corpora.get("local", "small")).search("price")
        assert await amiss(service) == []
        if part == "store":
            for path in (home / "corpora/local/small").glob("corpus.db*"):
                path.write_bytes(b"nonsense" * 1000)
        else:
            monkeypatch.setattr(Snapshot, "legs", raising(DependencyUnavailable("the index is gone")))
        (failed,) = await amiss(service)
        assert (failed.name, failed.essential) == ("open corpora", False)


async def test_a_corpus_that_another_process_has_deleted_is_no_fault(home):
    async with service_of(home) as service, service_of(home) as other:
        await (await service.corpora.get("local", "small")).search("price")
        await other.corpora.delete("local", "small")
        assert await amiss(service) == []


def raising(error):
    def raises(*_, **__):
        raise error

    return raises


async def test_what_is_amiss_without_stopping_runs_is_told_apart(url, monkeypatch):
    monkeypatch.setattr("experience.doctor.opened.LOW_BYTES", 2**62)
    assert await probed(url, monkeypatch) == (200, "degraded")
    state, failed = await detailed(url)
    assert (state, [*failed]) == ("degraded", ["space"])


async def test_a_guard_that_cannot_be_loaded_degrades(home, monkeypatch):
    async def fails(self):
        raise ImportError("no such module")

    monkeypatch.setattr(PersonalDataGuard, "warm", fails)
    async with served(home) as url:
        assert await probed(url, monkeypatch) == (200, "degraded")
        assert (await detailed(url))[1] == {"guards": "not loaded: personal_data"}


async def test_a_probe_opens_no_corpus_and_embeds_nothing(url, monkeypatch):
    async def costly(*_):
        raise AssertionError

    monkeypatch.setattr("retrieval.Corpora.names", costly)
    monkeypatch.setattr("retrieval.embeddings.LocalEmbeddings.aembed_query", costly)
    assert await probed(url, monkeypatch) == (200, "ready")
