"""A batch that is killed at random and started again: one outcome a row, and no completed call is billed twice."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.ledger.tables import calls
from gateway.scripted import read_calls
from settings import load_settings
from settings.connections.sql import open_engine
from tests.doubles.processes import Forked

QUESTION = "When did the Falcon start; What does Tariff A cost"
KILLS = 3
CONCURRENCY = 8


def write_rows(folder: Path, count: int) -> None:
    """Write rows that each ask in words of their own, so that the call log tells them apart; one in ten repeats."""
    rows = [{"id": f"r{n}", "question": f"{QUESTION} number {n - n % 10 // 9}"} for n in range(count)]
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def start(folder: Path) -> Forked:
    return Forked("tests.crash.batch_victim", str(folder))


def lines(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


def killed_at_random(folder: Path, rows: int, seed: int) -> int:
    """Kill the job three times, each at a random moment after some more rows are done; return how often it was."""
    chance, killed = random.Random(seed), 0
    for part in range(KILLS):
        process, wanted = start(folder), 1 + rows * (part + 1) // (KILLS + 1)
        while process.poll() is None and lines(folder / "out.jsonl") < wanted:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
    return killed


def outcomes(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()[1:]]


def ledger_rows(home: Path) -> Sequence[sa.RowMapping]:
    engine = open_engine(load_settings(home=home), "ledger.db")
    with engine.connect() as connection:
        found = connection.execute(sa.select(*(calls.c[name] for name in ("run_scope", "call_key", "state", "cost"))))
        rows = found.mappings().all()
    engine.dispose()
    return rows


@pytest.mark.parametrize(("rows", "seed"), [(60, 7), pytest.param(2_000, 11, marks=pytest.mark.long)])
def test_every_row_has_one_outcome_and_no_completed_call_is_billed_twice(rows, seed, tmp_path):
    check_killed_batch(rows, seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("rows", "seed"), [(20, 3), (500, 12)])
def test_the_same_holds_where_rows_are_locked_and_not_the_database(rows, seed, postgres, tmp_path):
    check_killed_batch(rows, seed, tmp_path)


def check_killed_batch(rows: int, seed: int, tmp_path: Path) -> None:
    write_rows(tmp_path, rows)
    assert killed_at_random(tmp_path, rows, seed) == KILLS
    last = start(tmp_path).end()
    assert last.returncode == 0, last.stderr

    ended = outcomes(tmp_path)
    assert sorted(each["line"] for each in ended) == list(range(1, rows + 1))
    assert len({each["key"] for each in ended}) == rows
    assert {each["status"] for each in ended} == {"done"}
    assert {each["attempt"] for each in ended} == {1}
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["counts"]["done"], summary["unfinished"], summary["exit_status"]) == (rows, 0, 0)
    check_bill(tmp_path, ended, summary["cost_micro_usd"])


def check_bill(folder: Path, ended: list[dict[str, Any]], told: int) -> None:
    """The ledger against the model's own log and against the outcomes."""
    billed = ledger_rows(folder / "home")
    completed = Counter((row["run_scope"], row["call_key"]) for row in billed if row["state"] == "completed")
    assert set(completed.values()) == {1}
    assert len(completed) == 4 * len(ended)
    in_flight = [row for row in billed if row["state"] != "completed"]
    assert len(in_flight) <= KILLS * CONCURRENCY
    assert told == sum(each["cost_micro_usd"] for each in ended) == sum(row["cost"] for row in billed)

    log = read_calls(folder / "calls.jsonl")
    answered = Counter(call.event for call in log)
    assert answered["asked"] <= len(completed) + len(in_flight)
    assert len(completed) <= answered["answered"] <= len(completed) + KILLS * CONCURRENCY
