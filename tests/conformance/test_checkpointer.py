"""LangGraph's own conformance suite, on the checkpointer as we configure it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from graphs import open_checkpointer


@checkpointer_test(name="sixplane")
async def configured() -> AsyncGenerator[AsyncSqliteSaver, None]:
    with TemporaryDirectory() as folder:
        async with open_checkpointer(Path(folder) / "checkpoints.db") as saver:
            yield saver


async def test_the_configured_checkpointer_passes_every_base_capability() -> None:
    report = await validate(configured)
    failed = {name: result.failures for name, result in report.results.items() if result.failures}
    assert report.passed_all_base(), failed
    assert sum(result.tests_passed for result in report.results.values()) > 20
