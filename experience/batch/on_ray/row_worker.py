"""The actor that runs rows: one opened service in a process of a Ray cluster.

What an actor gives back is JSON and never an exception of ours: unpickling one could fail, and Ray would print its
traceback, which may quote a question.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experience.batch.on_ray.limits import shared_limiter
from experience.batch.values import BatchError, BatchOutcome, BatchTask
from experience.batch.worker import run_task
from experience.errors import known_error
from gateway.limiter import limiters_from
from settings import Settings
from state.errors import DependencyUnavailable, SixplaneError
from state.values import Value

if TYPE_CHECKING:
    from experience.service import ResearchService

_LOG_LINES = 100
"""How many lines a worker keeps for its next reply. A chosen value: a row logs none, unless something is wrong."""

OpenService = Callable[[Settings], AbstractAsyncContextManager["ResearchService"]]


@dataclass(frozen=True)
class Opening:
    """What an actor opens its service with.

    Args:
        settings: the settings of the command, secrets included.
        open_service: opens the service.
        release: the release of the command; an actor of another one would compute other answers.
        witness: a file in the home folder of the command, which the actor has to see; `None` if it need not.
        limits: the actor that holds the rate limits; `None` if there are none.
    """

    settings: Settings
    open_service: OpenService
    release: str
    witness: Path | None
    limits: Any = None


class LogLine(Value):
    """A line of a worker's log; without a traceback, which could quote a question."""

    logger: str
    level: int
    message: str


class Reply(Value):
    """What an actor answers: an outcome, or why its service could not be opened; neither after `ready`.

    `log` has what the worker has logged since its last reply: its own output ends in a file of Ray's.
    """

    outcome: BatchOutcome | None = None
    error: BatchError | None = None
    log: tuple[LogLine, ...] = ()


class RowWorker:
    """Runs rows on a service that it opens when it is first asked for something."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self.log = _Heard(logging.WARNING)
        logging.getLogger().addHandler(self.log)
        self._opened: asyncio.Task[ResearchService] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def ready(self) -> str:
        """Open the service; answer an empty reply."""
        try:
            await self._service()
        except Exception as error:  # noqa: BLE001 - whatever it is, the command tells it
            return self._reply(error=_told(error))
        return self._reply()

    async def run(self, task: str) -> str:
        """Run a task and answer its outcome."""
        try:
            service = await self._service()
        except Exception as error:  # noqa: BLE001 - as above
            return self._reply(error=_told(error))
        return self._reply(outcome=await run_task(service, BatchTask.model_validate_json(task)))

    async def drain(self, reason: str) -> None:
        """Stop the running rows at their next node boundary."""
        if self._opened and self._opened.done() and not self._opened.exception():
            self._opened.result().request_drain(reason)

    async def close(self) -> None:
        """Close the service, so that its traces and audit lines are written."""
        self._closing.set()
        if self._keeper:
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _reply(self, outcome: BatchOutcome | None = None, error: BatchError | None = None) -> str:
        return Reply(outcome=outcome, error=error, log=self.log.taken()).model_dump_json()

    async def _service(self) -> ResearchService:
        if self._opened is None or (self._opened.done() and self._opened.exception()):
            self._opened = asyncio.create_task(self._open())
        return await asyncio.shield(self._opened)

    async def _open(self) -> ResearchService:
        _check_place(self._opening)
        if self._opening.limits is not None:
            limiters_from(partial(shared_limiter, self._opening.limits))
        opened: asyncio.Future[ResearchService] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(opened))
        return await opened

    async def _keep(self, opened: asyncio.Future[ResearchService]) -> None:
        # One task opens and closes it: a context manager with time limits or task groups cannot leave another task.
        try:
            async with self._opening.open_service(self._opening.settings) as service:
                opened.set_result(service)
                await self._closing.wait()
        except BaseException as error:  # cancellation too: whoever waits for the service would wait for ever
            if opened.done():
                raise
            opened.set_exception(error)


class _Heard(logging.Handler):
    """Keeps the latest lines of the log."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._lines: deque[LogLine] = deque(maxlen=_LOG_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(LogLine(logger=record.name, level=record.levelno, message=record.getMessage()))

    def taken(self) -> tuple[LogLine, ...]:
        """Return the lines, and forget them."""
        return tuple(self._lines.popleft() for _ in range(len(self._lines)))


def _check_place(opening: Opening) -> None:
    """Raise `DependencyUnavailable` if this process is not one that may run the command's rows."""
    if (found := version("sixplane")) != opening.release:
        raise DependencyUnavailable(
            f"the node has release {found} of sixplane, the command {opening.release}",
            hint="install the same release on every node of the cluster",
        )
    if opening.witness is not None and not opening.witness.exists():
        raise DependencyUnavailable(
            "the node does not see the home folder of the command",
            hint="use SIXPLANE_PROFILE=oracle, or a cluster on this machine (without RAY_ADDRESS)",
        )


def _told(error: Exception) -> BatchError:
    known = known_error(error, paths=True) or SixplaneError(
        f"unexpected {type(error).__name__}", hint="run the command with `--engine local` to see more"
    )
    return BatchError(code=known.code, message=known.message, hint=known.hint)
