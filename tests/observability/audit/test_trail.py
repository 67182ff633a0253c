"""The chain of the audit trail: it verifies after many operations and writers, and names the line that was changed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from observability.audit import (
    Actor,
    AuditEvent,
    AuditKind,
    AuditTrail,
    chain,
    check_trail,
    files,
    named,
    operator,
    read_lines,
)
from settings import Settings
from state.errors import AuditUnavailable, Forbidden
from tests.doubles.processes import FORKS
from tests.doubles.waiting import SAFETY_SECONDS

ANN = Actor(principal="ann", tenant="acme", method="api_key")


def trail_of(home: Path, **audit: Any) -> AuditTrail:
    return AuditTrail(Settings(home=home, audit=audit), policy="3fd5")


def event(kind: AuditKind = AuditKind.READ, **more: Any) -> AuditEvent:
    return AuditEvent(**{"kind": kind, "operation": "search", "actor": ANN, "object": "corpus:handbook", **more})


def written(home: Path, lines: int) -> Path:
    trail = trail_of(home)
    for number in range(lines):
        trail.write(event(counts={"number": number}))
    return trail.path


def fault_line(path: Path, **given: Any) -> int:
    fault = check_trail(path, **given).fault
    return 0 if fault is None else fault.line


ONE_LINE = (AuditKind.LOGIN, AuditKind.REFUSAL, AuditKind.READ, AuditKind.RETENTION, AuditKind.CANDIDATE)
"""What is told once it is known; changes have a line before and a line after."""


async def test_a_hundred_operations_of_each_kind_verify_and_one_changed_byte_is_named(tmp_path: Path) -> None:
    trail = trail_of(tmp_path)
    for number in range(100):
        for kind in AuditKind:
            if kind in ONE_LINE:
                await trail.record(event(kind, ids=(f"d{number}",)))
            else:
                async with trail.change(event(kind)) as noted:
                    noted.counts["added"] = number
    lines = list(read_lines(trail.path))
    assert {kind: sum(each["kind"] == kind for each in lines) for kind in AuditKind} == {
        kind: 100 if kind in ONE_LINE else 200 for kind in AuditKind
    }
    checked = check_trail(trail.path)
    assert (checked.fault, checked.lines, checked.last, checked.head) == (None, 1700, 1700, lines[-1]["hash"])
    data = trail.path.read_bytes()
    for changed in range(0, len(data), 9973):
        trail.path.write_bytes(data[:changed] + bytes([data[changed] ^ 1]) + data[changed + 1 :])
        assert fault_line(trail.path) == data[:changed].count(b"\n") + 1


def test_every_single_byte_counts(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x04]) + data[place + 1 :])
        assert fault_line(path) == data[:place].count(b"\n") + 1, place
    path.write_bytes(data)
    assert fault_line(path) == 0


def test_removed_added_and_moved_lines_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, 6)
    lines = path.read_bytes().splitlines(keepends=True)

    def fault_of(changed: list[bytes]) -> int:
        path.write_bytes(b"".join(changed))
        return fault_line(path)

    assert fault_of(lines[1:]) == 1
    assert fault_of([*lines[:2], *lines[3:]]) == 3
    assert fault_of([*lines[:3], lines[2], *lines[3:]]) == 4
    assert fault_of([lines[0], lines[2], lines[1], *lines[3:]]) == 2
    assert fault_of(lines[:4]) == 5
    assert fault_of([]) == 1
    assert fault_of(lines) == 0


def test_a_trail_that_was_written_anew_lacks_the_hash_that_was_noted(tmp_path: Path) -> None:
    path = written(tmp_path / "true", 5)
    noted = check_trail(path).head
    assert fault_line(path, known=noted) == 0
    written(tmp_path / "true", 2)
    assert fault_line(path, known=noted) == 0
    forged = written(tmp_path / "forged", 7)
    assert fault_line(forged) == 0
    fault = check_trail(forged, known=noted).fault
    assert fault is not None
    assert "no line has the given hash" in fault.reason


@pytest.mark.parametrize("head", [None, "", "7", "3 " + "0" * 64 + "\n"])
def test_a_missing_or_changed_head_is_a_fault_and_stops_the_trail(head: str | None, tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    files.head_path(path).unlink()
    if head is not None:
        files.head_path(path).write_text(head)
    assert fault_line(path) > 0
    before = path.read_bytes()
    with pytest.raises(AuditUnavailable, match="damaged") as raised:
        trail_of(tmp_path).write(event())
    assert "sixplane audit verify" in raised.value.hint
    assert path.read_bytes() == before


def test_nothing_is_appended_after_lines_were_removed_or_the_last_one_changed(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    data = path.read_bytes()
    for changed in (b"".join(data.splitlines(keepends=True)[:2]), data.replace(b'"number":2', b'"number":3'), b""):
        path.write_bytes(changed)
        with pytest.raises(AuditUnavailable, match="damaged"):
            trail_of(tmp_path).write(event())
        assert path.read_bytes() == changed


def test_a_line_that_a_killed_process_left_incomplete_gives_way_to_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    with path.open("ab") as file:
        file.write(b'{"n":3,"at":"2026')
    assert fault_line(path) == 3
    trail_of(tmp_path).write(event(operation="next"))
    assert [each["n"] for each in read_lines(path)] == [1, 2, 3]
    assert check_trail(path).fault is None


@pytest.mark.parametrize("lines", [1, 4])
def test_a_process_that_is_killed_before_it_writes_the_head_leaves_a_trail_that_goes_on(
    lines: int, tmp_path: Path
) -> None:
    path = written(tmp_path, lines - 1)
    head = files.head_path(path)
    before = head.read_bytes() if head.exists() else None
    written(tmp_path, 1)
    head.unlink() if before is None else head.write_bytes(before)
    assert fault_line(path) == 0
    written(tmp_path, 1)
    assert (check_trail(path).last, fault_line(path)) == (lines + 1, 0)


def append(home: str, count: int) -> None:
    for _ in range(count):
        trail_of(Path(home)).write(event())


def test_processes_and_threads_append_to_one_chain(tmp_path: Path) -> None:
    workers = [
        *(FORKS.Process(target=append, args=(str(tmp_path), 20)) for _ in range(3)),
        *(threading.Thread(target=append, args=(str(tmp_path), 20)) for _ in range(3)),
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SAFETY_SECONDS)
    checked = check_trail(tmp_path / "audit.jsonl")
    assert (checked.lines, checked.fault) == (120, None)


async def test_a_change_is_not_begun_without_its_line(tmp_path: Path) -> None:
    trail = trail_of(tmp_path)
    trail.path.mkdir()
    began = False
    with pytest.raises(AuditUnavailable) as raised:
        async with trail.change(event(AuditKind.DELETE)):
            began = True
    assert not began
    assert raised.value.code == "audit_unavailable"
    assert str(tmp_path) not in raised.value.message + raised.value.hint


async def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, 2)
    before = path.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:-50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(AuditUnavailable, match="disk is full"):
        await trail_of(tmp_path).record(event())
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert fault_line(path) == 0


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [(Forbidden("no"), "refused", "forbidden"), (KeyError("secret"), "failed", "KeyError")],
)
async def test_a_change_that_fails_says_how_and_keeps_its_error(
    error: Exception, outcome: str, reason: str, tmp_path: Path
) -> None:
    trail = trail_of(tmp_path)
    with pytest.raises(type(error)):
        async with trail.change(event(AuditKind.DELETE)):
            raise error
    first, last = read_lines(trail.path)
    assert (first["outcome"], last["outcome"], last["reason"]) == ("begun", outcome, reason)
    assert first["id"] == last["id"]
    assert "secret" not in trail.path.read_text()


async def test_a_cancelled_change_is_recorded_as_failed(tmp_path: Path) -> None:
    trail, began = trail_of(tmp_path), asyncio.Event()

    async def change() -> None:
        async with trail.change(event(AuditKind.INGEST)):
            began.set()
            await asyncio.sleep(SAFETY_SECONDS)

    task = asyncio.create_task(change())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(each["outcome"], each["reason"]) for each in read_lines(trail.path)] == [
        ("begun", ""),
        ("failed", "CancelledError"),
    ]


def test_a_line_says_who_what_on_what_and_under_which_policy(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, policy={"deny": ("a secret project",)})
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    trail = AuditTrail(settings, policy="3fd5", now=lambda: moment)
    trail.write(event(ids=("d1",), counts={"passages": 2}, id="0123456789abcdef"))
    (line,) = read_lines(trail.path)
    sealed = {name: line.pop(name) for name in ("hash", "previous")}
    assert line == {
        "n": 1,
        "at": "2026-03-04T05:06:07+00:00",
        "kind": "read",
        "operation": "search",
        "object": "corpus:handbook",
        "ids": ["d1"],
        "counts": {"passages": 2},
        "outcome": "done",
        "reason": "",
        "id": "0123456789abcdef",
        "principal": "ann",
        "tenant": "acme",
        "method": "api_key",
        "policy": "3fd5",
    }
    assert sealed["previous"] == chain.GENESIS
    assert "secret" not in trail.path.read_text()
    assert stat.S_IMODE(trail.path.stat().st_mode) == 0o600


async def test_texts_that_are_no_names_stay_out(tmp_path: Path) -> None:
    trail = trail_of(tmp_path)
    await trail.record(event(object=named("thread", "my salary is 90,000\n")))
    await trail.record(event(operation="x" * 201))
    await trail.record(event(), ids=[f"d{number}" for number in range(250)])
    lines = list(read_lines(trail.path))
    assert lines[0]["object"] == "thread:?"
    assert lines[1]["operation"].startswith("sha256:")
    assert [len(each["ids"]) for each in lines[2:]] == [100, 100, 50]
    assert max(len(line) for line in trail.path.read_bytes().splitlines()) < chain.MAX_LINE


def test_a_trail_that_is_off_writes_nothing(tmp_path: Path) -> None:
    trail_of(tmp_path, enabled=False).write(event())
    assert not list(tmp_path.iterdir())


def test_the_trail_can_stand_elsewhere(tmp_path: Path) -> None:
    trail_of(tmp_path, path=tmp_path / "else" / "where.jsonl").write(event())
    assert check_trail(tmp_path / "else" / "where.jsonl").lines == 1


def test_an_operator_is_the_account_of_the_process_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "someone-else")
    acting = operator("acme")
    assert (acting.tenant, acting.method) == ("acme", "command_line")
    assert acting.principal not in ("", "someone-else")


def test_what_is_no_trail_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert check_trail(path).fault is None
    path.write_text(json.dumps([1]) + "\n")
    assert fault_line(path) == 1
    with pytest.raises(Exception, match="line 1 of the audit trail is damaged"):
        list(read_lines(path))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def daily(home: Path, days: int, clock: Clock, retention: int = 10) -> Path:
    trail = AuditTrail(Settings(home=home, audit={"retention_days": retention}), policy="3fd5", now=clock)
    for _ in range(days):
        trail.write(event())
        clock.now += timedelta(days=1)
    return trail.path


def test_old_lines_go_and_the_chain_still_verifies(tmp_path: Path) -> None:
    clock = Clock()
    path = daily(tmp_path, 10, clock)
    noted = check_trail(path).head
    assert check_trail(path).lines == 10
    daily(tmp_path, 90, clock)
    anchor, *lines = read_lines(path)
    assert anchor["kind"] == "anchor"
    assert [each["n"] for each in lines] == list(range(anchor["n"] + 1, lines[-1]["n"] + 1))
    oldest = datetime.fromisoformat(lines[0]["at"])
    assert clock.now - oldest <= timedelta(days=13)
    removals = [each for each in lines if each["kind"] == "retention"]
    assert removals[-1]["object"] == f"lines:-{anchor['n']}"
    checked = check_trail(path)
    assert (checked.fault, checked.first, checked.last) == (None, anchor["n"], lines[-1]["n"])
    assert fault_line(path, known=noted) > 0
    assert fault_line(path, known=anchor["last"]) == 0


def test_an_anchor_that_no_later_line_confirms_is_a_fault(tmp_path: Path) -> None:
    clock = Clock()
    path = daily(tmp_path, 30, clock)
    _, *lines = path.read_bytes().splitlines(keepends=True)
    first = chain.opened(lines[3])
    forged, _ = chain.seal(first["n"], {"at": first["at"], "kind": "anchor", "last": first["hash"]}, chain.GENESIS)
    path.write_bytes(b"".join([forged, *lines[4:]]))
    fault = check_trail(path).fault
    assert fault is not None
    assert (fault.line, "retention" in fault.reason) == (1, True)


def test_a_process_that_is_killed_within_a_removal_leaves_a_trail_that_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    path = daily(tmp_path, 11, clock)
    clock.now += timedelta(days=5)
    monkeypatch.setattr("observability.audit.retention._rewrite", lambda *_: os.write(-1, b""))
    with pytest.raises(AuditUnavailable):
        daily(tmp_path, 1, clock)
    monkeypatch.undo()
    assert fault_line(path) == 0
    daily(tmp_path, 1, clock)
    assert fault_line(path) == 0
    assert next(read_lines(path))["kind"] == "anchor"
