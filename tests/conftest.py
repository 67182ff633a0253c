"""What every test shares: how Hypothesis draws its examples, and limits that no slow machine reaches.

`make test` draws the same examples on every machine and every run, so a failure is a fault of the change under test.
`make fuzz` draws new ones; `HYPOTHESIS_PROFILE=explore` does so for any selection of tests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

# No profile has a deadline and none measures how fast examples are drawn: on a busy machine both fail without a fault.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}

# 25 and 400 are chosen, not measured: few enough that generation stays a small part of the suite's CPU time, and
# enough that the whole of `explore` still ends within minutes.
hypothesis.register_profile("repeatable", derandomize=True, database=None, max_examples=25, **_PATIENT)
hypothesis.register_profile("explore", max_examples=400, print_blob=True, **_PATIENT)
hypothesis.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A guard and a node have one time limit for all, and a starved machine reaches it in tests of something else. Tests
# that want a limit to be reached give one of their own.
os.environ.setdefault("SIXPLANE_POLICY__TIMEOUT_SECONDS", "600")
os.environ.setdefault("SIXPLANE_RUN__NODE_TIMEOUT_SECONDS", "6000")

# SQLite syncs its files to the disk at every commit, some hundred times in a run: a fifth of the suite's time, measured
# on three of its modules. A file system in memory takes that time away. Where there is none, or a small one as in many
# containers, the tests write to the disk.
_IN_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4_000_000_000
"""A chosen value: four times what a whole run leaves there."""

if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free >= _ROOM_BYTES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))

_FIRST = ("tests/experience/test_studio.py", "tests/notebooks/")
"""Modules whose tests share a server that takes long to start, or take long themselves: the first of a worker's queue.

Workers that have nothing left to do steal from the end of another's queue. A module there is split among the workers,
and each of them starts the server of its own.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that should not be split among workers first; the others keep their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


@pytest.fixture(params=["sqlite", "postgres"])
def tables(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test twice: with ledger, threads and keys in files of SQLite, and in PostgreSQL at READ COMMITTED.

    It is for what several do at once. SQLite lets one write at a time; Oracle Database and PostgreSQL do not.
    """
    if request.param == "sqlite":
        yield "sqlite"
    else:
        request.getfixturevalue("postgres")
        yield "postgres"


@pytest.fixture
def postgres() -> Iterator[None]:
    """Keep ledger, threads and keys of a test, and of the processes that it starts, in PostgreSQL."""
    from tests.doubles.postgres.tables import tables_in_postgres

    with tables_in_postgres():
        yield
