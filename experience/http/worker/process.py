"""The process that works: the application with its service, for the requests that the other process relays."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pkgutil import resolve_name
from typing import Any, BinaryIO

import ormsgpack
import uvicorn
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette

from experience.errors import known_error
from experience.http.health import Readiness, standing
from experience.http.worker.connections import Taking
from experience.http.worker.frames import END, framed
from experience.http.worker.receiving import Receiver
from experience.http.worker.room import said
from observability.log_lines import configure_logging
from policy.identity import Authenticator, Principal
from settings import Settings
from settings.process import bound_free_memory
from state.errors import SixplaneError

SWITCH_SECONDS = 0.0005
"""How long a thread keeps Python's global lock while another waits for it, in place of 5 ms. The event loop gives the
lock away at every read and write, and waits so long to get it back from each thread that computes."""

TELL_SECONDS = 0.1
"""How often the other process is told who has the places. A chosen value: it counts by itself what it lets pass."""

_log = logging.getLogger(__name__)


def main() -> None:
    """Work until the other process says that it is time, or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C, and many a supervisor, signal both processes. The other one says when it is time.
        signal.signal(number, signal.SIG_IGN)
    heard, told = _taken_streams()
    first = _read(heard)
    if first is None:
        return
    sys.path[:] = first["path"]
    sys.setswitchinterval(SWITCH_SECONDS)
    bound_free_memory()
    settings = pickle.loads(first["settings"])  # noqa: S301 - the process that has started us has written it
    configure_logging(settings.server.log_format)
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(_Work(settings, _handed(first["connections"]), heard, told).run(first["application"]))


def _die() -> None:
    """End at once: the other process is gone and has said nothing, so it was killed, and this one is killed with it.

    A run that ended in order would count as stopped by a person, and no process that starts would take it up.
    """
    _log.error("the process that takes connections has ended: so does this one")
    os.kill(os.getpid(), signal.SIGKILL)


def _handed(descriptor: int) -> socket.socket:
    """Return the socket over which connections come, and keep it from the processes that this one starts."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


def _taken_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return standard input and output, and put others in their place: libraries print, and children read."""
    heard = os.fdopen(os.dup(0), "rb", buffering=0)
    told = os.fdopen(os.dup(1), "wb", buffering=0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    os.close(empty)
    return heard, told


def _read(stream: BinaryIO) -> dict[str, Any] | None:
    """Return the next message of a stream that blocks, `None` at its end."""
    size = _exactly(stream, 4)
    packed = _exactly(stream, int.from_bytes(size)) if size else b""
    return ormsgpack.unpackb(packed) if packed else None


def _exactly(stream: BinaryIO, size: int) -> bytes:
    got = b""
    while len(got) < size and (more := stream.read(size - len(got))):
        got += more
    return got if len(got) == size else b""


class _Work:
    """The application, its service, and what the two processes tell each other."""

    def __init__(self, settings: Settings, handed: socket.socket, heard: BinaryIO, told: BinaryIO) -> None:
        self._settings, self._handed, self._heard, self._told = settings, handed, heard, told
        self._orders: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def run(self, application: str) -> None:
        AppStatus.enable_automatic_graceful_drain = False
        # Before the service opens: without the other process, it must not even begin to take up runs.
        threading.Thread(target=self._listen, args=(asyncio.get_running_loop(),), daemon=True).start()
        try:
            async with _authenticator(self._settings) as authenticate:
                app = resolve_name(application)(self._settings, authenticate)
                async with app.router.lifespan_context(app):
                    await self._serve(app)
        except Exception as error:  # whatever the start raises is shown by the other process, and a bug raised again
            known = known_error(error, paths=True) or SixplaneError(f"unexpected {type(error).__name__}")
            self._tell({"type": "failed", "error": pickle.dumps(known)})
            if known_error(error) is None:
                raise

    async def _serve(self, app: Starlette) -> None:
        receiver = Receiver(app)
        taking = Taking(self._handed, receiver)
        self._tell({"type": "opened"})
        telling = asyncio.create_task(self._tells(app))
        try:
            while await self._orders.get() != END:
                await app.state.desk.runs.drain("the server is going down", self._settings.server.drain_seconds)
                AppStatus.should_exit = True  # after the drain, because it ends every stream
                self._tell({"type": "drained"})
        finally:
            telling.cancel()
            taking.close()
            await receiver.close()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over the orders, until the last one. Whatever the event loop does, end with the other process."""
        order: dict[str, Any] | None = None
        while order != END:
            order = _read(self._heard)
            if order is None:
                _die()
                return
            with suppress(RuntimeError):  # the loop is closed: the service could not be opened, and that was told
                loop.call_soon_threadsafe(self._orders.put_nowait, order)

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the other process is gone, and its orders end too
            self._told.write(framed(message))

    async def _tells(self, app: Starlette) -> None:
        readiness = Readiness()
        while True:
            desk = app.state.desk
            try:
                state = await standing(desk, readiness)
                self._tell({"type": "told", "places": said(desk.runs.places), "state": state})
            except Exception as error:  # noqa: BLE001 - nobody awaits this task: without it, nothing is told any more
                _log.error("the check of health failed with %s", type(error).__name__)
            await asyncio.sleep(TELL_SECONDS)


@asynccontextmanager
async def _authenticator(settings: Settings) -> AsyncIterator[Any]:
    """Yield what checks the credentials of a sign-in on the page. All others have been checked by the other process."""
    made: list[Authenticator] = []

    async def authenticate(header: str | None, address: str) -> Principal:
        if not made:
            made.append(Authenticator(settings))
        return await made[0](header, address)

    try:
        yield authenticate
    finally:
        for each in made:
            await each.aclose()
