"""Keeps the process that works: starts it, starts it again if it dies, and lets it end."""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from experience.http.worker.connections import Connections
from experience.http.worker.frames import DRAIN, END, framed, next_frame
from experience.http.worker.room import Room
from experience.service.limits import limits_of
from settings import Settings
from state.errors import DependencyUnavailable, SixplaneError

ENDING_SECONDS = 10
"""How long the process may take to close its service after its runs have ended. A chosen value."""

START_SECONDS = 300.0
"""How long a start may take before the process is ended. A chosen value: a start takes seconds, and some times as long
where a database is far away or a disk is slow; one that takes minutes waits for something that does not come."""

SILENT_SECONDS = 15.0
"""After so long without a word, the process counts as unhealthy. A chosen value: some times as long as it ever was
silent under load."""

RETRY_SECONDS = 5
"""When a request that nobody could work on may come again: about as long as a start takes."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a process that has died is started again: twice as long after each start that failed."""

# `-P`: nothing is imported from the folder in which the command was given.
_COMMAND = (sys.executable, "-P", "-c", "from experience.http.worker.process import main; main()")

_RESUMED = "try again; a run that it had begun can be resumed"

_log = logging.getLogger(__name__)


class Worker:
    """The process that works, as the process that takes connections sees it.

    Args:
        settings: the settings of both processes.
        application: what makes the application there, as `module:function`: `function(settings, authenticate)`. By its
            name, because this process does not load it.
        start_seconds: how long it may take until its service is open.
    """

    def __init__(self, settings: Settings, application: str, *, start_seconds: float = START_SECONDS) -> None:
        self._settings, self._application, self._start_seconds = settings, application, start_seconds
        self.room = Room(limits_of(settings))
        self._process: Process | None = None
        self._connections: Connections | None = None
        self._state, self._heard = "unhealthy", float("-inf")
        self._drained = asyncio.Event()
        self._ending = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the process while the block runs.

        Raises:
            SixplaneError: the service cannot be opened, or not within `start_seconds`.
        """
        await self._start()
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._ending.set()
            self._tell_nothing_more()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.server.drain_seconds + ENDING_SECONDS):
                    await keeping
            await self._reap()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection for one request.

        Raises:
            DependencyUnavailable: the process is started again, or a limit of this machine is reached.
        """
        if self._connections is None:
            raise self.gone()
        try:
            return await self._connections.new()
        except ConnectionError:
            raise self.gone() from None
        except OSError as error:
            _log.error("no connection to the process that works: %s", error.strerror)
            hint = "try again; an operator raises the number of files that the server may open (`ulimit -n`)"
            raise _again(f"the request cannot be handed over: {error.strerror}", hint) from None

    @property
    def pid(self) -> int:
        """The id of the process; 0 if there is none."""
        return self._process.pid if self._process is not None else 0

    @staticmethod
    def gone() -> DependencyUnavailable:
        """Return the error for requests that nobody can work on."""
        return _again("the process that works has ended and is started again", _RESUMED)

    @staticmethod
    def unanswered() -> DependencyUnavailable:
        """Return the error for a request that was handed over and got no answer."""
        # The end of the process is noticed after the end of its connections, so nobody knows yet which it was.
        return _again("the process that works gave no answer; if it has ended, it is started again", _RESUMED)

    async def standing(self) -> str:
        """Return `ready`, `degraded`, `draining` or `unhealthy`, as the process has told last."""
        silent = time.monotonic() - self._heard > SILENT_SECONDS
        return "unhealthy" if self._connections is None or silent else self._state

    async def drain(self) -> None:
        """Let all runs end after their current step, and wait for it."""
        if self._process is None or self._process.stdin is None or self._connections is None:
            return
        self._process.stdin.write(framed(DRAIN))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.server.drain_seconds + ENDING_SECONDS):
                await self._drained.wait()

    async def _start(self) -> None:
        self._drained.clear()  # the process before this one may have drained, or died
        connections = Connections()
        try:
            await self._start_with(connections)
        except BaseException:  # cancellation too: each attempt would leave a socket open
            connections.close()
            raise
        self._heard, self._state, self._connections = time.monotonic(), "ready", connections

    async def _start_with(self, connections: Connections) -> None:
        theirs = connections.theirs.fileno()
        self._process = process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, pass_fds=(theirs,)
        )
        connections.theirs.close()  # so that handing over fails once the process is gone
        assert process.stdin is not None
        assert process.stdout is not None
        given = {"application": self._application, "settings": pickle.dumps(self._settings), "connections": theirs}
        process.stdin.write(framed({"path": sys.path, **given}))
        try:
            async with asyncio.timeout(self._start_seconds):
                told = await next_frame(process.stdout)
        except TimeoutError:
            process.kill()  # it hangs, so it would not hear that it is to end
            await process.wait()
            message = f"the process that works has not started within {self._start_seconds:g} s, and was ended"
            hint = "run `sixplane doctor`, which tries the same disk, databases and services, and start it again"
            raise DependencyUnavailable(message, hint=hint) from None
        if told is None or told["type"] == "failed":
            await self._reap()
            raise pickle.loads(told["error"]) if told else self.gone()  # noqa: S301 - our own process has written it

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if self._connections is not None:
                await self._listen()
                self._connections.close()
                self._connections = None
                self.room.empty()
                self._drained.set()
                pause = _FIRST_PAUSE
            if self._ending.is_set():
                return
            await self._reap()
            _log.error("the process that works has ended; it is started again in %g s", pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._ending.wait()
                    return
            pause = min(_LONGEST_PAUSE, 2 * pause)
            try:
                await self._start()
            except SixplaneError as error:
                _log.error("the process that works cannot be started: %s", error.message)
            except Exception as error:  # noqa: BLE001 - nobody awaits this task: without it, nothing is started again
                _log.error("the process that works cannot be started: %s", type(error).__name__)

    async def _listen(self) -> None:
        """Take over what the process tells, until it ends."""
        assert self._process is not None
        assert self._process.stdout is not None
        while (told := await next_frame(self._process.stdout)) is not None:
            self._heard = time.monotonic()
            if told["type"] == "drained":
                self._drained.set()
            elif told["type"] == "failed":  # its end follows, for example where the disk is full while it closes
                _log.error("the process that works failed: %s", type(pickle.loads(told["error"])).__name__)  # noqa: S301 - from our own process
            else:
                self._state = told["state"]
                self.room.take_over(told["places"])

    def _tell_nothing_more(self) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(framed(END))
            self._process.stdin.close()

    async def _reap(self) -> None:
        """Wait for the end of the process, which is due."""
        process = self._process
        if process is None:
            return
        self._tell_nothing_more()
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _again(message: str, hint: str) -> DependencyUnavailable:
    error = DependencyUnavailable(message, hint=hint)
    error.retry_after = RETRY_SECONDS
    return error
