"""Serves an application with uvicorn: binds the port or fails with a clear error, and drains the runs on SIGTERM."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import unquote

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.lifespan import on as lifespan_on
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol

from experience.http.addresses import in_url
from experience.http.worker import Worker
from settings import ServerSettings
from state.errors import DependencyUnavailable, SettingsInvalid

BACKLOG = 2048
"""Connections that the kernel queues before they are accepted: uvicorn's own default, set here because we bind."""

CLOSING_SECONDS = 5
"""How long uvicorn waits for open connections after the runs have ended; more than the grace period of the streams."""

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open. A chosen value above the usual idle timeout of load balancers (60 s): if the
server closed first, a balancer could send a request into a closing connection and report a 502."""

_LENGTHS = {b"content-length", b"transfer-encoding"}

_SCHEMES = (b"http://", b"https://")

_ANY_IPV6 = "::"


class _Impatient(H11Protocol):
    """The protocol of uvicorn, which closes a connection on which a request does not come on in time.

    uvicorn limits the pause between two requests, but neither the time until the first one, nor that of a request's
    head, nor that of a body whose request was answered before it came (401, 413): a client that sends a byte a second
    would hold a connection for ever, and as many of them all files.

    It is `h11` on purpose, also where `httptools` is installed: that costs 0.3 ms more for each request, and bounds the
    head of a request, which `httptools` would keep in memory whatever its size.
    """

    seconds: ClassVar[float]
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        """Expect the head of a request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Expect no longer what has come, and the rest of what has not."""
        before = self.conn.their_state
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect_nothing()
        elif before is h11.SEND_BODY and self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._expect_nothing()
            self._stay_open()
        elif self._patience is None:
            self._expect()

    def handle_events(self) -> None:
        """Handle what has come. Read nothing after a request that states its length in two ways (RFC 9112, 6.3).

        Whoever stands between may have taken its end for elsewhere, and what follows for a request of somebody else.
        """
        before = self.cycle
        super().handle_events()
        if self.cycle is before:
            return
        if {name for name, _ in self.headers} >= _LENGTHS:
            self.headers.append(CLOSE_HEADER)  # uvicorn then says so in the answer, and h11 reads no further
        if self.scope["raw_path"].lower().startswith(_SCHEMES):
            # The whole address, which a server must take as well (RFC 9112, 3.2.2); uvicorn takes it for a path.
            raw_path = b"/" + self.scope["raw_path"].partition(b"//")[2].partition(b"/")[2]
            self.scope["raw_path"], self.scope["path"] = raw_path, unquote(raw_path.decode("ascii"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._patience = self.loop.call_later(self.seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _stay_open(self) -> None:
        """Wait for the next request as after an answer: uvicorn has stopped its timer when the rest of a body came."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)


def protocol_of(settings: ServerSettings) -> type[asyncio.Protocol]:
    """Return the protocol that gives each request `request_timeout_seconds` until its head has come."""
    return type("Impatient", (_Impatient,), {"seconds": settings.request_timeout_seconds})


class _Server(uvicorn.Server):
    """A uvicorn server that drains the runs on shutdown, while their clients are still connected.

    Args:
        config: the configuration of uvicorn.
        worker: the process with the runs.
        started: called once the server accepts requests.
    """

    def __init__(self, config: uvicorn.Config, worker: Worker, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._worker, self._on_start = worker, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and accept requests. Of a start that fails, uvicorn logs nothing.

        Raises:
            SystemExit: the application cannot be started. `run_server` raises the reason in its place.
        """
        theirs = logging.getLogger("uvicorn.error")
        theirs.addFilter(_not_of_lifespan)
        try:
            await super().startup(sockets)
        finally:
            theirs.removeFilter(_not_of_lifespan)
        if self.started:
            # What is loaded now stays: a collection that went through all of it would stop every answer.
            gc.collect()
            gc.freeze()
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the runs after their current step, which also ends their streams. Then close the connections."""
        # The order matters: uvicorn closes connections before it ends the lifespan, so a drain in the lifespan alone
        # would find no client left to tell.
        await self._worker.drain()
        await super().shutdown(sockets)


def _not_of_lifespan(record: logging.LogRecord) -> bool:
    """Return whether a line of uvicorn is another than those on the start of the application."""
    return record.pathname != lifespan_on.__file__


def run_server(app: Starlette, worker: Worker, settings: ServerSettings, *, started: Callable[[str], None]) -> None:
    """Serve an application until SIGTERM or SIGINT. Its runs are in a process of their own (`experience.http.worker`).

    Args:
        app: what takes the connections (`experience.http.front`).
        worker: the process that works.
        settings: where to listen, and the limits of connections.
        started: called with the URL once the server accepts requests.

    Raises:
        SettingsInvalid: this machine does not have the configured address.
        DependencyUnavailable: the port is in use or may not be opened.
        SixplaneError: the service cannot be opened.
    """
    # Bound here and not by uvicorn, which logs a port in use and exits with a status of its own.
    listening = listen(settings.host, settings.port)
    url = url_of(settings.host, listening.getsockname()[1])
    failed: list[Exception] = []
    app.router.lifespan_context = _remembering(app.router.lifespan_context, failed)
    config = uvicorn.Config(
        app,
        access_log=False,  # its lines contain paths, and with them the thread names that callers choose
        http=protocol_of(settings),
        log_config=None,  # uvicorn must not replace the logging configuration of the process
        server_header=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",  # no route is one; the library would be loaded for requests that get a 404
    )
    # After its shutdown, uvicorn raises the signals that it has handled once more, for the handlers from before. The
    # default handler would end the process by the signal; with this one, a stop on request exits with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server = _Server(config, worker, lambda: started(url))
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
        if failed and not server.started:
            raise failed[0]


def _remembering(lifespan: Callable[[Any], Any], failed: list[Exception]) -> Callable[[Any], Any]:
    """Return `lifespan`, changed to append its error to `failed`: uvicorn only logs it and exits."""

    @asynccontextmanager
    async def remembering(app: Any) -> AsyncIterator[Any]:
        try:
            async with lifespan(app) as state:
                yield state
        except Exception as error:  # whatever the start raises is shown by `serve`, and always raised again
            failed.append(error)
            raise

    return remembering


def url_of(host: str, port: int) -> str:
    """Return the URL of a server at an address."""
    return f"http://{in_url(host)}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address. `::` takes the connections of IPv4 too.

    Raises:
        DependencyUnavailable: the port is in use or may not be opened.
        SettingsInvalid: this machine does not have the address.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:  # the second one: a name that no name may be, like `a..b`
        raise _not_here(host) from error
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart must not wait for TIME_WAIT to end
    try:
        if host == _ANY_IPV6:  # whose default differs between systems
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(where)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _not_here(host) from error
        reason = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be opened"}.get(
            error.errno or 0, f"cannot be opened: {error.strerror}"
        )
        raise DependencyUnavailable(
            f"port {port} on {host} {reason}", hint="choose another port: `sixplane serve --port N`"
        ) from error
    return listening


def _not_here(host: str) -> SettingsInvalid:
    hint = "use `--host 127.0.0.1`, or another local address"
    return SettingsInvalid(f"{host!r} is not an address of this machine", hint=hint)
