"""The port that runs the tasks of a job.

Job and engine exchange only tasks and outcomes, both JSON values, so that an engine may run on other machines.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Protocol

from experience.batch.values import BatchOutcome, BatchTask
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.service import ResearchService

ENGINES = ("local", "ray")

_AHEAD = 4
"""For how many tasks that are with their models another one is under way. A chosen value: with eight tasks whose models
answer in 0.8 s, what a task does before and after takes less than a quarter of that."""


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


def open_engine(name: str, service: ResearchService, concurrency: int, workers: int = 0) -> Engine:
    """Return the engine `name`. `workers`: how many actors the engine `ray` starts, by default one for each CPU.

    Raises:
        BadInput: there is no engine of this name, or it cannot be told what was given.
        DependencyUnavailable: the engine needs a package that is not installed.
    """
    if name == "local":
        if workers:
            raise BadInput("the engine `local` has no workers", hint="use `--concurrency`, or `--engine ray`")
        from experience.batch.local import LocalEngine

        return LocalEngine(service, concurrency, ahead=concurrency // _AHEAD)
    if name == "ray":
        from experience.batch.on_ray import RayEngine

        return RayEngine(service, concurrency, workers)
    raise BadInput(f"there is no engine {name!r}", hint=f"choose one of {', '.join(ENGINES)}")
