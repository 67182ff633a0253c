"""SIGKILL at every node boundary and inside nodes, then resume: the report of an undisturbed run, no second bill.

`pytest -m oracle` runs the same with threads, checkpoints, memory and ledger in Oracle Database.
"""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.planes import ORACLE, durable_plane
from tests.doubles import processes

NODES = [
    "guard_input",
    "researcher",
    "retrieve",
    "guard_evidence",
    "analyzer",
    "writer",
    "verifier",
    "reviewer",
    "guard_output",
    "publish",
]
# Before a node is a moment after the one before it: `make test` kills after each node, and before the first.
POINTS = [
    *(pytest.param(f"before:{node}", marks=pytest.mark.long if at else ()) for at, node in enumerate(NODES)),
    *(f"after:{node}" for node in NODES),
]
VOLATILE = ("run_id", "trace_id", "timings_ms")


def run(home: Path, log: Path, point: str) -> int:
    log.mkdir(exist_ok=True)
    return processes.run("tests.crash.victim", str(home), str(log), point).returncode


def report(log: Path) -> dict[str, Any]:
    return {key: value for key, value in json.loads((log / "report.json").read_text()).items() if key not in VOLATILE}


def calls(log: Path) -> Counter[str]:
    lines = map(json.loads, (log / "calls.jsonl").read_text().splitlines())
    return Counter(line["role_schema"] for line in lines if line["event"] == "answered")


@pytest.fixture(scope="module", params=["embedded", ORACLE])
def plane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def undisturbed(plane: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    with durable_plane(plane, folder / "home"):
        assert run(folder / "home", folder / "log", "none") == 0
    return report(folder / "log")


@pytest.fixture
def home(plane: str, undisturbed: dict[str, Any], tmp_path: Path) -> Iterator[Path]:
    with durable_plane(plane, tmp_path / "home"):
        yield tmp_path / "home"


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_and_resumed_gives_the_same_report_and_no_second_bill(
    point: str, home: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert run(home, log, point) == -signal.SIGKILL
    killed_at = point.partition(":")[2]
    started = (log / "nodes.log").read_text().split()
    assert run(home, log, "resume") == 0
    assert report(log) == undisturbed
    assert calls(log) == {"ResearchPlan": 1, "Analysis": 1, "WrittenDraft": 1, "Review": 1}
    again = (log / "nodes.log").read_text().split()[len(started) :]
    assert again[0] == killed_at
    committed = {node for node in started if node != killed_at}
    assert not committed & set(again)


@pytest.mark.slow
@pytest.mark.parametrize("node", NODES)
def test_a_node_whose_writes_are_kept_does_not_run_again(
    node: str, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    assert run(home, log, f"written:{node}") == -signal.SIGKILL
    started = (log / "nodes.log").read_text().split()
    assert run(home, log, "resume") == 0
    assert report(log) == undisturbed
    assert calls(log) == {"ResearchPlan": 1, "Analysis": 1, "WrittenDraft": 1, "Review": 1}
    again = (log / "nodes.log").read_text().split()[len(started) :]
    assert not set(started) - {"retrieve"} & set(again)


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_prunes_has_its_report(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    assert run(home, log, "pruning") == -signal.SIGKILL
    started = (log / "nodes.log").read_text()
    with closing(sqlite3.connect(home / "checkpoints.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM checkpoints").fetchone()[0] > 5
        assert database.execute("SELECT COUNT(*) FROM writes").fetchone()[0] > 5, "half of a pruning is none"
    assert run(home, log, "resume") == 0
    assert report(log) == undisturbed
    assert (log / "nodes.log").read_text() == started
    with closing(sqlite3.connect(home / "checkpoints.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM checkpoints").fetchone()[0] == 1
