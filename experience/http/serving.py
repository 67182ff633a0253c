"""Serving the application with uvicorn: a bound port or a clear error, and a drain when the process is told to end."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from experience.http.app import create_app
from experience.http.callers import Authenticate
from experience.runs import Runs
from settings import Settings
from state.errors import DependencyUnavailable, SettingsInvalid

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
"""Longer than load balancers keep a silent connection: the side that closes first must not be the one that is asked."""


class _Server(uvicorn.Server):
    """Drains the runs as soon as it is told to end, while their clients are still connected."""

    def __init__(self, config: uvicorn.Config, app: Starlette, seconds: float) -> None:
        super().__init__(config)
        self._app, self._seconds = app, seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the runs at their next step, then close what is connected."""
        runs: Runs = self._app.state.desk.runs
        await runs.drain("the server is going down", self._seconds)
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
    """
    run_server(settings, create_app(settings, authenticate), told=told)


def run_server(settings: Settings, app: Starlette, *, told: Callable[[str], None]) -> None:
    """Run an application whose `state.desk` has the runs. Raises like `serve`."""
    logging.getLogger("uvicorn.error").addFilter(_without_content)
    listening = listen(settings.server.host, settings.server.port)
    told(f"http://{settings.server.host}:{listening.getsockname()[1]}")
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn hands on what it has handled: the process ends with 0
    _Server(config, app, settings.server.drain_seconds).run(sockets=[listening])


def _without_content(record: logging.LogRecord) -> bool:
    """Take an exception's text out of a log record: it may hold what a user asked."""
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
