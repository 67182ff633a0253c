"""A batch on a Ray cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.scripted import read_calls
from tests.crash.test_batch_kill import check_bill, ledger_rows, outcomes
from tests.doubles import processes
from tests.doubles.on_ray import quick_imports

MARK = "SIXPLANE_TEST_JOB"
VICTIM = "tests.crash.batch_victim"
ROWS, CONCURRENCY, CALLS = 6, 4, 4


def folder_with_rows(folder: Path) -> Path:
    folder.mkdir()
    question = "When did the Falcon start; What does Tariff A cost number"
    rows = [{"id": f"r{number}", "question": f"{question} {number}"} for number in range(ROWS)]
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def said(ended: list[dict[str, Any]]) -> dict[int, tuple[str, str, int]]:
    return {each["line"]: (each["status"], each["report"]["markdown"], each["attempt"]) for each in ended}


def of_the_job(mark: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the processes of a job, which have inherited its environment, with that."""
    for place in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended meanwhile
            found = dict(part.partition("=")[::2] for part in (place / "environ").read_text("latin-1").split("\0"))
            if place.name.isdecimal() and found.get(MARK) == mark and int(place.name) != os.getpid():
                yield place, found


def listening() -> dict[str, str]:
    """The address that each listening TCP socket of this machine is bound to, in hexadecimal, by its inode."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {line[9]: line[1].partition(":")[0] for line in lines if line[3] == "0A"}


def check_privacy(mark: str) -> None:
    """A cluster of our own listens on the loopback interface only, reports nothing and has no dashboard."""
    bound, found = listening(), dict(of_the_job(mark))
    names = [(place / "cmdline").read_text("latin-1") for place in found]
    assert sum("raylet/raylet" in name for name in names) == 1
    inodes = {link.readlink().name[8:-1] for place in found for link in (place / "fd").iterdir()}
    addresses = {bound[inode] for inode in inodes & bound.keys()}
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert addresses
    assert {given.get("RAY_USAGE_STATS_ENABLED") for place, given in found.items() if is_ray(place)} == {"0"}
    assert all("--disable-frontend" in name for name in names if "dashboard/dashboard.py" in name)


def is_ray(place: Path) -> bool:
    """The job itself sets the variable for the processes that it starts, which its own environment does not show."""
    return "/ray/" in (place / "cmdline").read_text("latin-1")


def test_the_rows_of_a_killed_worker_go_on_elsewhere_and_nothing_is_billed_twice(tmp_path):
    folder, alone = folder_with_rows(tmp_path / "ray"), folder_with_rows(tmp_path / "local")
    environment = {**quick_imports(os.environ), MARK: str(folder)}
    job = processes.Forked(VICTIM, str(folder), "ray", str(CONCURRENCY), env=environment)
    while not (held := folder / "held").exists() or not held.read_text():
        assert job.poll() is None, job.end().stderr
        time.sleep(0.05)
    if sys.platform == "linux":
        check_privacy(str(folder))
    lost = int(held.read_text())
    os.kill(lost, signal.SIGKILL)
    ended = job.end()
    assert ended.returncode == 0, ended.stderr
    assert "a worker was lost" in ended.stderr
    assert "Falcon" not in ended.stderr
    assert ended.stdout == ""
    if sys.platform == "linux":
        assert list(of_the_job(str(folder))) == []

    reference = processes.run(VICTIM, str(alone), "local", str(CONCURRENCY))
    assert reference.returncode == 0, reference.stderr
    assert said(outcomes(folder)) == said(outcomes(alone))
    summary = json.loads((folder / "summary.json").read_text())
    check_bill(folder, outcomes(folder), summary["cost_micro_usd"])

    calls = read_calls(folder / "calls.jsonl")
    asked = Counter(call.event for call in calls)["asked"]
    charged = [row for row in ledger_rows(folder / "home") if row["state"] != "completed"]
    # What was in flight in the lost worker was paid at its reservation and asked again; nothing else was.
    assert asked - CALLS * ROWS == len(charged)
    assert 1 <= len(charged) <= CONCURRENCY // 2
    # Both worked; the lost one may have been started again in time for a row.
    assert lost in {call.pid for call in calls}
    assert len({call.pid for call in calls}) in (2, 3)
