"""Serving the application with uvicorn: a bound port or a clear error, and a drain when the process is told to end."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette

from experience.http.app import create_app
from experience.http.callers import Authenticate
from experience.service.runs import Runs
from settings import Settings
from state.errors import DependencyUnavailable, SettingsInvalid

BACKLOG = 2048
CLOSING_SECONDS = 5
"""For connections to close, once their runs have ended."""

KEEP_ALIVE_SECONDS = 75
"""Longer than load balancers keep a silent connection: the side that closes first must not be the one that is asked."""


class _Server(uvicorn.Server):
    """Drains the runs as soon as it is told to end, while their clients are still connected.

    Args:
        config: uvicorn's.
        app: whose `state.desk` has the runs.
        seconds: how long the runs may take.
        started: called once it serves.
    """

    def __init__(self, config: uvicorn.Config, app: Starlette, seconds: float, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._seconds, self._told = app, seconds, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application and begin to serve."""
        await super().startup(sockets)
        if self.started:
            self._told()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the runs at their next step; their streams end with them. Then close what is connected."""
        runs: Runs = self._app.state.desk.runs
        await runs.drain("the server is going down", self._seconds)
        AppStatus.should_exit = True
        await super().shutdown(sockets)


def serve(settings: Settings, authenticate: Authenticate, *, told: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: what is configured.
        authenticate: from the `Authorization` header to a principal.
        told: called with the address, once it is bound.

    Raises:
        SettingsInvalid: there is no such address.
        DependencyUnavailable: the port is in use.
        SixplaneError: the service cannot be opened.
    """
    run_server(settings, create_app(settings, authenticate), told=told)


def run_server(settings: Settings, app: Starlette, *, told: Callable[[str], None]) -> None:
    """Run an application whose `state.desk` has the runs. Raises like `serve`."""
    logging.getLogger("uvicorn.error").addFilter(_without_content)
    AppStatus.enable_automatic_graceful_drain = False  # it cuts streams before their runs have ended
    AppStatus.should_exit = False
    listening = listen(settings.server.host, settings.server.port)
    url = f"http://{settings.server.host}:{listening.getsockname()[1]}"
    failed: list[Exception] = []
    app.router.lifespan_context = _remembering(app.router.lifespan_context, failed)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn hands on what it has handled: the process ends with 0
    server = _Server(config, app, settings.server.drain_seconds, lambda: told(url))
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
        if failed and not server.started:
            raise failed[0]


def _remembering(lifespan: Callable[[Any], Any], failed: list[Exception]) -> Callable[[Any], Any]:
    """Return `lifespan` such that what it raises is in `failed` too: uvicorn tells of it in its log alone."""

    @asynccontextmanager
    async def remembering(app: Any) -> AsyncIterator[Any]:
        try:
            async with lifespan(app) as state:
                yield state
        except Exception as error:
            failed.append(error)
            raise

    return remembering


def _without_content(record: logging.LogRecord) -> bool:
    """Take an exception's text out of a log record: it may hold what a user asked."""
    if "Traceback (most recent call last)" in record.getMessage():
        record.msg, record.args = "the application could not be started or ended", ()
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = f"{record.getMessage()}: {record.exc_info[0].__name__}", ()
        record.exc_info = record.exc_text = None
    return True


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        DependencyUnavailable: the port is in use, or may not be opened.
        SettingsInvalid: there is no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror as error:
        raise SettingsInvalid(f"{host!r} is no address of this machine", hint="give `--host 127.0.0.1`") from error
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        reason = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be opened"}.get(
            error.errno or 0, f"cannot be opened: {error.strerror}"
        )
        raise DependencyUnavailable(
            f"the port {port} of {host} {reason}", hint="give another one: `sixplane serve --port N`"
        ) from error
    return listening
