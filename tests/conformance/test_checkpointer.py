"""LangGraph's own conformance suite on each checkpointer as we configure it, with `-m oracle` on a database."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from graphs import open_checkpointer
from graphs.persistence.checkpointed import checkpointed_types
from graphs.persistence.oracle_checkpoints import open_oracle_checkpointer
from settings.connections.oracle_pool import open_oracle_pool
from tests.conformance.planes import ORACLE, oracle_schema
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.persistence import OsonCheckpoints

BASE = {"put", "put_writes", "get_tuple", "list", "delete_thread"}
EXTENDED = {name: {"prune", "delete_for_runs"} for name in ("played back", "oracle")} | {"embedded": {"prune"}}
"""What upstream's savers lack and ours have."""


@asynccontextmanager
async def embedded() -> AsyncIterator[Any]:
    with TemporaryDirectory() as folder:
        async with open_checkpointer(Path(folder) / "checkpoints.db") as saver:
            yield saver


@asynccontextmanager
async def played_back() -> AsyncIterator[Any]:
    """The real package on rows in memory, through the driver's own JSON codec."""
    pool = RecordingPool()
    OsonCheckpoints(pool)
    async with open_oracle_checkpointer(pool, checkpointed_types()) as saver:
        yield saver


@asynccontextmanager
async def oracle() -> AsyncIterator[Any]:
    with TemporaryDirectory() as folder:
        async with (
            oracle_schema(Path(folder)) as settings,
            open_oracle_pool(settings) as pool,
            open_oracle_checkpointer(pool, checkpointed_types()) as saver,
        ):
            yield saver


OPENING = {"embedded": embedded, "played back": played_back, "oracle": oracle}


@pytest.mark.parametrize("kind", ["embedded", "played back", ORACLE])
async def test_the_configured_checkpointer_passes_every_base_capability(kind: str) -> None:
    @checkpointer_test(name=f"sixplane {kind}")
    async def configured() -> AsyncGenerator[Any, None]:
        async with OPENING[kind]() as saver:
            yield saver

    report = await validate(configured)
    failed = {name: result.failures for name, result in report.results.items() if result.failures}
    assert report.passed_all_base(), failed
    assert not failed
    passed = {name for name, result in report.results.items() if result.passed}
    assert passed >= BASE | EXTENDED[kind]
    assert sum(result.tests_passed for result in report.results.values()) > 20
