"""The port that runs a job's tasks. Tasks and outcomes are JSON values; nothing else passes between job and engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Protocol

from experience.batch.values import BatchOutcome, BatchTask
from state.errors import BadInput, DependencyUnavailable

if TYPE_CHECKING:
    from experience.service import ResearchService

ENGINES = ("local", "ray")


class Engine(Protocol):
    """Runs tasks, here or elsewhere.

    It pulls a task only when it can start it soon, so that a job's memory does not grow with its rows. Of `ordered`
    tasks with the same thread it starts one only after the consumer has asked for what follows the outcome of the one
    before. A row that fails is an outcome, never an error.
    """

    def run(self, tasks: AsyncIterator[BatchTask]) -> AsyncGenerator[BatchOutcome]:
        """Yield the outcome of each task as it ends, in any order."""
        ...

    def drain(self, reason: str) -> None:
        """Start no further task, and let those that run stop at their next node boundary."""
        ...


def open_engine(name: str, service: ResearchService, concurrency: int) -> Engine:
    """Return the engine `name`.

    Raises:
        BadInput: there is no such engine.
        DependencyUnavailable: it is not installed.
    """
    from experience.batch.local import LocalEngine

    if name == "local":
        return LocalEngine(service, concurrency)
    if name == "ray":
        raise DependencyUnavailable(
            "the engine `ray` is not available in this installation", hint="use `--engine local`, which needs nothing"
        )
    raise BadInput(f"there is no engine {name!r}", hint=f"choose one of {', '.join(ENGINES)}")
