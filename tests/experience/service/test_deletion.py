"""What is deleted is gone from every file of the home folder, while the service is still open."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest
from langchain_core.documents import Document

from experience.service.desk import Desk
from experience.service.leg import leg_attributes
from experience.service.retention import prune
from experience.service.runs import Runs
from observability import build_tracer_provider, traces_folder
from policy.identity import Permission, Principal
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.roles import scripted
from tests.experience.service.helpers import SLOW, ask, held_plan, service_of, until_started
from tests.experience.service.kept.test_upkeep import change

ROOT = Principal(id="root", tenant="local", roles=(Permission.ADMIN,), method="api_key")
QUESTION = "What is the zyxwort price of Tariff A?"


def holding(home, *words):
    """Return the files under the home folder that hold one of the words."""
    files = [path for path in sorted(home.rglob("*")) if path.is_file()]
    return [
        path.relative_to(home).as_posix() for path in files if any(word.encode() in path.read_bytes() for word in words)
    ]


def open_files():
    """Return the path of each file that this process has open, as often as it has."""
    return [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]


@pytest.fixture(autouse=True)
def sqlite_without_secure_delete(monkeypatch):
    """Debian's SQLite overwrites what is deleted by default; that of python.org, for example, does not."""
    connect = sqlite3.connect

    def plain(*given, **more):
        connection = connect(*given, **more)
        connection.execute("PRAGMA secure_delete=OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", plain)
    monkeypatch.setattr("sqlite3.dbapi2.connect", plain)


async def test_the_words_of_a_deleted_thread_are_in_no_file(home):
    async with service_of(home, scripted()) as service:
        desk = Desk(Runs(service))
        for thread, model in (("t", {}), ("s", {"model": SLOW})):
            run = await desk.start(ROOT, ask(QUESTION, thread, **model))
            await run.ended()
            assert run.status == "answered"
    assert {"checkpoints.db", "store.db", "threads.db"} <= set(holding(home, "zyxwort"))
    async with service_of(home, scripted()) as service:
        desk = Desk(Runs(service))
        await (await desk.start(ROOT, ask(QUESTION, "u"))).ended()
        for thread in ("t", "s", "u"):
            await desk.delete(ROOT, thread)
        assert holding(home, "zyxwort") == []


async def test_runs_that_the_history_no_longer_names_are_deleted_with_their_thread(home, monkeypatch):
    monkeypatch.setattr("nodes.publish.MAX_HISTORY", 1)
    async with service_of(home) as service:
        for question in (QUESTION, "What is the price of Tariff A?"):
            assert (await service.run(ask(question, "t"))).status == "answered"
        assert {"store.db", "store.db-wal"} & set(holding(home, "zyxwort"))
        await service.delete("local", "t")
        assert holding(home, "zyxwort") == []


@pytest.mark.parametrize("at_once", [1, 100])
async def test_runs_that_only_the_memory_knows_are_deleted_with_their_thread_and_no_other(home, monkeypatch, at_once):
    monkeypatch.setattr("nodes.publish.MAX_HISTORY", 1)
    monkeypatch.setattr("nodes.memory.AT_ONCE", at_once)
    async with service_of(home) as service:
        other = await service.run(ask("What does Tariff B cost?", "other"))
        first = await service.run(ask(QUESTION, "t"))
        assert (await service.run(ask("What is the price of Tariff A?", "t"))).status == first.status == "answered"
        # An earlier release kept a row for a thread's latest run, and its checkpoints name the latest ones.
        change(home, f"DELETE FROM runs WHERE run_id = '{first.run_id}'")
        await service.delete("local", "t")
        assert holding(home, "zyxwort") == []
        left = [item.key for item in await service.graph.store.asearch(("local", "reports"))]
        assert left == [other.run_id] * (other.status == "answered")


async def test_the_memo_of_an_unfinished_run_goes_with_its_thread(home):
    model = held_plan()
    async with service_of(home, model) as service:
        events = service.stream(ask(QUESTION, "t", model=SLOW))
        await until_started(events, "researcher")
        service.request_drain("test")
        model.release()
        assert [event.type async for event in events][-1] == "stopped"
    assert "ledger.db" in holding(home, "Tariff A")
    async with service_of(home, model) as service:
        await service.delete("local", "t")
        assert holding(home, "zyxwort") == []
        assert not [name for name in holding(home, "Tariff A") if name.startswith("ledger")]


async def test_the_words_of_a_pruned_document_are_in_no_file(home):
    async with service_of(home) as service:
        corpus = await service.corpora.get("local", "small")
        for text in ("The zyxwort bonus is 4711 euros.", "The bonus is secret."):
            await corpus.ingest([Document(text, metadata={"source": "bonus.md"})])
        reader = sqlite3.connect(home / "corpora/local/small/corpus.db")  # keeps the log from going with its last user
        reader.execute("SELECT count(*) FROM documents").fetchone()
        before = set((home / "corpora/local/small").glob("keyword-*"))
        assert await corpus.prune() == 1
        assert holding(home, "zyxwort", "4711") == []
        assert before
        assert not before & set((home / "corpora/local/small").glob("keyword-*"))
        reader.close()


async def test_the_traces_of_a_deleted_thread_go_and_others_stay(home):
    async with service_of(home) as service:
        await service.run(ask(QUESTION, "t"))
        provider = build_tracer_provider(Settings(home=home))
        for thread, tenant in (("t", "local"), ("other", "local"), ("t", "acme")):
            attributes = leg_attributes(ResearchContext(tenant=tenant), thread, "r")
            with provider.get_tracer("t").start_as_current_span("invoke_workflow research", attributes=attributes):
                await asyncio.sleep(0)
        provider.shutdown()
        (traces_folder(service.settings) / "empty.jsonl").touch()
        (traces_folder(service.settings) / "broken.jsonl").write_text('{"attributes": "t"\n')
        await service.delete("local", "t")
        left = [
            line for path in traces_folder(service.settings).glob("*.jsonl") for line in path.read_text().splitlines()
        ]
    assert not any('"gen_ai.conversation.id": "t"' in text and '"sixplane.tenant": "local"' in text for text in left)
    assert sum('"gen_ai.conversation.id"' in text for text in left) == 2 * 2  # a line at the start, and one at the end


async def test_what_forgets_or_sweeps_traces_leaves_no_file_of_them_open(home):
    async with service_of(home) as service:
        await service.run(ask(QUESTION, "t"))
        for name in ("one", "two"):
            await service.deletions.forget_traces([("local", name)])
            await prune(service)
        traces = traces_folder(service.settings)
        opened = [path for path in open_files() if str(traces) in path]
    assert len(opened) == len(set(opened))  # the service's own lock and lines


async def test_a_trace_that_begins_with_something_else_goes_too(home):
    """A client may send one trace id with all of its requests: the first span in the file is not this thread's."""
    async with service_of(home) as service:
        provider = build_tracer_provider(Settings(home=home))
        tracer = provider.get_tracer("t")
        with tracer.start_as_current_span("retrieval small"):
            for thread in ("other", "t"):
                attributes = leg_attributes(ResearchContext(tenant="local"), thread, "r")
                with tracer.start_as_current_span("invoke_workflow research", attributes=attributes):
                    tracer.start_span("chat model", attributes={"gen_ai.input.messages": "zyxwort"}).end()
        provider.shutdown()
        await service.run(ask("What is the price of Tariff A?", "t"))
        assert holding(home, "zyxwort")
        await service.delete("local", "t")
        assert holding(home, "zyxwort") == []
