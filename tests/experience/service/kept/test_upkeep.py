"""Runs of dead processes are taken up, what is too old goes, and a clock that jumps gives no lease away."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from experience.service.retention import Pruned, prune
from experience.service.runs import Runs
from experience.service.threads import AgedRun, PageWanted, leases, rows
from experience.service.upkeep import MAX_ATTEMPTS, kept_up, take_up
from gateway import Ledger
from observability import trace_files
from observability.trace_files import TraceFiles
from settings import Settings
from settings.connections.sql import open_engine
from state.channels import ResearchContext
from state.errors import BadInput, ThreadBusy, ThreadMissing
from state.values import Usage
from tests.doubles.roles import scripted
from tests.experience.http.conftest import chat, client, served
from tests.experience.service.helpers import (
    OUTSIDE,
    SLOW,
    ask,
    held_plan,
    leaving_checkpoints,
    service_of,
    stored_bytes,
)
from tests.experience.service.kept.test_threads import SPAN, add, names, threads_of

DAY = 86_400


def change(home: Path, statement: str, *values: Any) -> None:
    """Execute a statement on the tables of threads, wherever they lie; `?` stands for a value."""
    engine, names = open_engine(Settings(home=home), "threads.db"), [f"value_{n}" for n in range(len(values))]
    for name in names:
        statement = statement.replace("?", f":{name}", 1)
    with engine.begin() as connection:
        connection.execute(sa.text(statement), dict(zip(names, values, strict=True)))
    engine.dispose()


def kill(home: Path, owner: str = "elsewhere/boot/1/x") -> None:
    """Make every run look as if its process had died at once."""
    change(home, "UPDATE threads SET status = 'running', lease_owner = ?, lease_until = 0", owner)


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_wall_clock_that_jumps_gives_no_lease_away_and_prolongs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    async with threads_of(tmp_path) as threads, threads_of(tmp_path) as other:
        await threads.start("local", "t", "run", "Why?", ResearchContext(), None, SPAN)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + jump)
        monkeypatch.setattr(rows, "now", (datetime.now(UTC) + timedelta(seconds=jump)).isoformat)
        with pytest.raises(ThreadBusy):
            await other.take("local", "t")
        change(tmp_path, "UPDATE threads SET lease_owner = 'elsewhere/' || ?, lease_until = lease_until - 61", boot())
        stored, _ = await other.take("local", "t")
        assert stored.record.run_id == "run"


def boot() -> str:
    return leases.new_owner().split("/", 1)[1]


@pytest.mark.parametrize(
    ("owner", "live"),
    [
        ("{host}/{boot}/{alive}/x", True),
        ("{host}/{boot}/{dead}/x", False),
        ("{host}/otherboot/{alive}/x", False),
        ("{host}/{alive}/x", False),
        ("elsewhere/{boot}/{dead}/x", True),
        ("elsewhere/otherboot/{alive}/x", False),
    ],
)
async def test_a_lease_counts_while_its_process_lives(tmp_path: Path, owner: str, live: bool) -> None:
    host, boot, alive, _ = leases.new_owner().split("/")
    dead = 2**22 + 1  # no process has it: it is above Linux's highest number
    async with threads_of(tmp_path) as threads:
        await threads.start("local", "t", "run", "Why?", ResearchContext(), None, SPAN)
        given = owner.format(host=host, boot=boot, alive=alive, dead=dead)
        change(tmp_path, "UPDATE threads SET lease_owner = ?", given)
        assert (await threads.get("local", "t")).live is live


async def test_of_two_who_read_the_same_row_one_gets_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Oracle Database two transactions may both read a thread before one of them changes it."""
    async with threads_of(tmp_path) as threads, threads_of(tmp_path) as other:
        await add(threads, "t", "Why?")
        await add(threads, "free", "Why?")
        read = rows._select

        def late(connection: Any, tenant: str, thread_id: str) -> Any:
            row = dict(read(connection, tenant, thread_id))
            return {**row, "lease_owner": None, "status": "answered", "run_id": f"run-{thread_id}"}

        await other.start("local", "t", "theirs", "Who?", ResearchContext(principal="ann"), None, SPAN)
        monkeypatch.setattr(rows, "_select", late)
        with pytest.raises(ThreadBusy, match="just begun"):
            await threads.take("local", "t")
        with pytest.raises(ThreadBusy, match="just begun"):
            await threads.start("local", "t", "mine", "Why?", ResearchContext(principal="ann"), None, SPAN)
        monkeypatch.setattr(rows, "_select", lambda *_: None)
        with pytest.raises(ThreadBusy, match="just begun"):
            await threads.start("local", "free", "mine", "Why?", ResearchContext(principal="ann"), None, SPAN)
        monkeypatch.setattr(rows, "_select", read)
        assert (await threads.get("local", "t")).record.run_id == "theirs"


async def test_of_two_answers_to_one_review_one_counts(tables: str, home: Path) -> None:
    async with served(home, scripted()) as url, client(url) as ann:
        await ann.post("/v1/chat", json=chat(thread="t", human_review=True, model=SLOW))
        answers = [{"answer": {"decision": decision}} for decision in ("approve", "reject")]
        both = await asyncio.gather(*(ann.post("/v1/threads/t/resume", json=each) for each in answers))
        assert sorted(each.status_code for each in both) == [200, 409]
        (counted,) = [each.json() for each in both if each.status_code == 200]
        again = await ann.post("/v1/threads/t/resume", json=answers[0])
        assert (again.status_code, again.json()["code"]) == (409, "thread_not_resumable")
        assert (await ann.get("/v1/threads/t")).json()["report"] == counted


async def test_a_server_takes_up_the_runs_of_dead_processes_alone(home: Path) -> None:
    async with service_of(home, scripted()) as service:
        for thread in ("dead", "waits"):
            events = service.stream(ask(thread=thread, human_review=thread == "waits", model=SLOW))
            async for event in events:
                if thread == "dead" and event.type == "node_finished" and event.node == "retrieve":
                    break
            await events.aclose()
        change(home, "UPDATE threads SET status = 'running' WHERE thread_id = 'dead'")
        runs = Runs(service)
        assert await take_up(runs) == 1
        run = await runs.get("local", (await service.show("local", "dead")).record.run_id)
        assert (await run.ended()).type == "report"
        assert await take_up(runs) == 0
        assert (await service.show("local", "waits")).record.status == "review"
        await runs.drain("end", 5)


async def test_a_run_that_kills_its_process_is_given_up_after_some_attempts(home: Path) -> None:
    async with threads_of(home) as threads:
        await threads.start("local", "t", "run", "Why?", ResearchContext(), None, SPAN)
        for _ in range(MAX_ATTEMPTS):
            kill(home)
            assert len(await threads.abandoned(MAX_ATTEMPTS)) == 1
            assert len(await threads.abandoned(MAX_ATTEMPTS)) == 1  # looking counts nothing
            await threads.take("local", "t")
        kill(home)
        assert await threads.abandoned(MAX_ATTEMPTS) == []
        assert (await threads.get("local", "t")).record.status == "interrupted"
        assert [run.status for run in await threads.runs("local", "t")] == ["interrupted"]


@pytest.mark.parametrize("recover", [True, False])
async def test_the_setting_decides_whether_a_server_takes_up_runs(home: Path, recover: bool) -> None:
    async with service_of(home, scripted(), run={"recover": recover}) as service:
        events = service.stream(ask(thread="t", model=SLOW))
        async for event in events:
            if event.type == "node_finished":
                break
        await events.aclose()
        kill(home)
        runs = Runs(service)
        async with kept_up(runs):
            while recover and (await service.show("local", "t")).record.status == "running":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
        report = (await service.show("local", "t")).report
        assert (report is not None) is recover
        await runs.drain("end", 5)


def aged(home: Path, thread: str, days: int = 100) -> None:
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    change(home, "UPDATE threads SET updated_at = ? WHERE thread_id = ?", at, thread)
    change(home, "UPDATE runs SET updated_at = ? WHERE thread_id = ?", at, thread)


async def test_old_threads_go_with_all_that_belongs_to_them(home: Path) -> None:
    async with service_of(home, scripted(), retention={"threads_days": 90}) as service:
        for thread in ("old", "new"):
            await service.run(ask(thread=thread, model=SLOW))
        aged(home, "old")
        assert await prune(service, dry_run=True) == Pruned(threads=1)
        assert await prune(service) == Pruned(threads=1)
        assert [each.thread_id for each in (await service.threads("local")).threads] == ["new"]
        with pytest.raises(ThreadMissing):
            await service.show("local", "old")
        assert await prune(service) == Pruned()


async def test_the_traces_of_many_threads_go_in_one_pass(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, paths = [], TraceFiles._paths

    def counted(self: TraceFiles) -> list[Path]:
        reads.append(self)
        return paths(self)

    async with service_of(home, scripted(), retention={"threads_days": 90}) as service:
        written = trace_files(service.settings)
        threads = ("old-0", "old-1", "busy", "new")
        for number, name in enumerate(threads):
            run = str(uuid.uuid4())
            lease = await service.kept.start("local", name, run, "Why?", ResearchContext(), None, SPAN)
            await service.kept.settle(lease, run, "answered")
            told = {"sixplane.tenant": "local", "gen_ai.conversation.id": name}
            written.append({"trace_id": str(number) * 32, "attributes": told})
            if name != "new":
                aged(home, name)
        written.close()
        async with threads_of(home) as other, other.alone("local", "busy"):
            monkeypatch.setattr(TraceFiles, "_paths", counted)
            assert (await prune(service)).threads == 2
        assert len(reads) == 3  # to find the traces, to write the files anew, and for what is too old
        assert [len(written.read(str(number) * 32)) for number in range(4)] == [0, 0, 1, 1]
        assert {each.thread_id for each in (await service.threads("local")).threads} == {"busy", "new"}


async def test_the_memo_of_a_run_that_waits_for_a_person_stays_however_old_it_is(home: Path) -> None:
    async with service_of(home, scripted(), retention={"memos_days": 1}) as service:
        ledger, lately = Ledger(service.settings), datetime.now(UTC)
        for status in ("review", "interrupted"):
            lease = await service.kept.start("local", status, status, "Why?", ResearchContext(), None, SPAN)
            held = await ledger.reserve("local", status, "call", 1, None)
            await ledger.settle(held, Usage(calls=1), "an answer")
            await service.kept.settle(lease, status, status)
        assert await prune(service, lately + timedelta(days=2)) == Pruned(memos=1)
        answers = [(await ledger.reserve("local", run, "call", 1, None)).answer for run in ("review", "interrupted")]
        assert answers == ["an answer", None]
        await ledger.aclose()


async def test_old_checkpoints_go_and_the_reports_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with service_of(home, scripted(), retention={"checkpoints_days": 30}) as service:
        with leaving_checkpoints(monkeypatch):
            first = await service.run(ask(thread="old", model=SLOW))
            second = await service.run(ask(OUTSIDE, thread="old", model=SLOW))
        await service.run(ask(thread="new", model=SLOW))
        change(home, "UPDATE runs SET report = NULL")  # as an earlier release has left it
        aged(home, "old")
        assert await prune(service, dry_run=True) == Pruned(checkpoints=1)
        assert await prune(service) == Pruned(checkpoints=1)
        assert (await service.graph.aget_state({"configurable": {"thread_id": "local/old"}})).values == {}
        assert (await service.graph.aget_state({"configurable": {"thread_id": "local/new"}})).values
        assert (await service.show("local", "old")).report == second
        for report in (first, second):
            kept = await service.show_run("local", report.run_id)
            assert kept is not None
            assert kept.report == report
        assert await prune(service) == Pruned()
        assert (await service.run(ask(thread="old", model=SLOW))).status == "answered"
        await service.delete("local", "old")
        memory = await service.corpora.get("local", "memory.reports")
        assert first.run_id not in {entry.document_id for entry in (await memory.manifest()).entries}


async def test_old_reports_go_and_stay_listed(home: Path) -> None:
    async with service_of(home, scripted(), retention={"reports_days": 30}, telemetry={"jsonl": False}) as service:
        old = await service.run(ask("What did the Falcon cost?", thread="old", model=SLOW))
        new = await service.run(ask(thread="new", model=SLOW))
        aged(home, "old")
        assert b"40 million" in stored_bytes(home)
        assert await prune(service, dry_run=True) == Pruned(reports=1)
        assert await prune(service) == Pruned(reports=1)
        kept = await service.show_run("local", old.run_id)
        assert kept is not None
        assert (kept.report, kept.run.has_report, kept.run.status) == (None, False, str(old.status))
        assert (await service.show("local", "old")).report is None
        assert [run.question for run in (await service.show("local", "old")).runs] == ["What did the Falcon cost?"]
        assert (await service.show("local", "new")).report == new
        assert await prune(service) == Pruned()
    with closing(sqlite3.connect(home / "store.db")) as store:
        assert [key for (key,) in store.execute("SELECT key FROM store")] == [new.run_id]


async def test_what_is_used_again_or_run_now_is_not_swept(home: Path) -> None:
    async with service_of(home, scripted(), retention={"threads_days": 90, "checkpoints_days": 30}) as service:
        await service.run(ask(thread="t", model=SLOW))
        before = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        (run,) = await service.kept.runs("local", "t")
        aged_run = AgedRun(tenant="local", thread_id="t", run_id=run.run_id, updated_at=run.updated)
        for remove in (
            service.deletions.drop_checkpoints("local", "t", before),
            service.deletions.drop_report(aged_run, before),
            service.deletions.emptied("local", "t", before).__aenter__(),
        ):
            with pytest.raises(ThreadBusy, match="used meanwhile"):
                await remove
        assert not (await service.show("local", "t")).live
        aged(home, "t")
        async with threads_of(home) as other, other.alone("local", "t"):
            assert await prune(service) == Pruned()
        listed = (await service.threads("local", PageWanted())).threads
        assert [each.status for each in listed] == ["answered"]


async def test_a_bundle_without_checkpoints_is_refused_with_the_reason(home: Path) -> None:
    async with served(home, scripted(), retention={"checkpoints_days": 30}) as url, client(url) as ann:
        await ann.post("/v1/chat", json=chat(thread="t", model=SLOW))
        aged(home, "t")
        async with service_of(home, scripted(), retention={"checkpoints_days": 30}) as service:
            assert await prune(service) == Pruned(checkpoints=1)
        refused = await ann.get("/v1/threads/t/export")
        assert refused.json()["code"] == BadInput.code
        assert "retention.checkpoints_days" in refused.json()["hint"]


async def test_a_request_that_waits_for_a_place_was_not_accepted(home: Path) -> None:
    """Its client has got no byte, and no row says that its run exists: a SIGKILL breaks no promise."""
    model = held_plan()
    async with served(home, model, server={"max_running": 1}) as url, client(url) as ann:
        first = asyncio.create_task(ann.post("/v1/chat", json=chat(thread="first", model=SLOW)))
        async with threads_of(home) as threads:
            while await names(threads) != ["first"]:  # noqa: ASYNC110 - another connection writes
                await asyncio.sleep(0.01)
            second = asyncio.create_task(
                ann.send(
                    ann.build_request("POST", "/v1/chat/stream", json=chat(thread="second", model=SLOW)), stream=True
                )
            )
            done, _ = await asyncio.wait({second}, timeout=0.3)
            assert not done
            assert await names(threads) == ["first"]
            model.release()
            await first
            answer = await second
            assert sorted(await names(threads)) == ["first", "second"]
            await answer.aread()
    assert "report" in answer.text
