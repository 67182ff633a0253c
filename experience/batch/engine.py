"""The port that runs the tasks of a job.

Job and engine exchange only tasks and outcomes, both JSON values, so that an engine may run on other machines.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Protocol

from experience.batch.values import BatchOutcome, BatchTask
from state.errors import BadInput, DependencyUnavailable

if TYPE_CHECKING:
    from experience.service import ResearchService

ENGINES = ("local", "ray")


class Engine(Protocol):
    """Runs tasks, in this process or elsewhere.

    An engine pulls a task only when it can start it soon, so that the memory of a job does not grow with its rows. It
    starts an `ordered` task only after the consumer has recorded the outcome of the previous task on that thread, which
    the consumer shows by asking for the next outcome. A failed row is an outcome, never an error.
    """

    def run(self, tasks: AsyncIterator[BatchTask]) -> AsyncGenerator[BatchOutcome]:
        """Yield the outcome of each task as it ends, in any order."""
        ...

    def drain(self, reason: str) -> None:
        """Start no further task and stop the running ones at their next node boundary."""
        ...


def open_engine(name: str, service: ResearchService, concurrency: int) -> Engine:
    """Return the engine `name`.

    Raises:
        BadInput: there is no engine of this name.
        DependencyUnavailable: the engine is not implemented yet.
    """
    from experience.batch.local import LocalEngine

    if name == "local":
        return LocalEngine(service, concurrency)
    if name == "ray":
        raise DependencyUnavailable(
            "the engine `ray` is not implemented yet",
            hint="use `--engine local`",
        )
    raise BadInput(f"there is no engine {name!r}", hint=f"choose one of {', '.join(ENGINES)}")
