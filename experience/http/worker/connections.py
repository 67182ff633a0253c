"""The connections between the two processes, one for each request: one makes a pair of sockets and hands over one end.

So there is no port and no file to which another program could connect, or which it could take over from a dead process,
and nothing is left behind when both processes are killed. Handing over means to send the file descriptor (`SCM_RIGHTS`,
unix(7)) over a socket that both processes have from the start.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine
from typing import Any

_ONE = b"\0"
"""A descriptor needs a byte to go with."""

_log = logging.getLogger(__name__)


class Connections:
    """Makes connections to the process that has `theirs`."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._turn, self._writable, self._closed = asyncio.Lock(), asyncio.Event(), False

    async def new(self) -> tuple[StreamReader, StreamWriter]:
        """Return a new connection; the other process has its other end.

        Raises:
            ConnectionError: the other process has ended.
            OSError: this process may open no more files, or too many connections wait for the other one.
        """
        near, far = socket.socketpair()
        try:
            with far:
                await self._hand_over(far)
            return await asyncio.open_unix_connection(sock=near)
        except BaseException:  # cancellation too: who has asked may have left
            near.close()
            raise

    def close(self) -> None:
        """Close this side. The other process gets no more connections, and who waits for one gets `ConnectionError`."""
        self._closed = True
        # Before the sockets, whose numbers the next ones get: the loop would take the others' writers for ours.
        self._wait_no_more()
        self._writable.set()
        self._ours.close()
        self.theirs.close()

    async def _hand_over(self, end: socket.socket) -> None:
        async with self._turn:
            while not self._closed:
                try:
                    socket.send_fds(self._ours, [_ONE], [end.fileno()])
                except BlockingIOError:  # the other process has not taken those before it
                    await self._until_writable()
                else:
                    return
        raise ConnectionResetError

    async def _until_writable(self) -> None:
        self._writable.clear()
        asyncio.get_running_loop().add_writer(self._ours, self._writable.set)
        try:
            await self._writable.wait()
        finally:
            self._wait_no_more()

    def _wait_no_more(self) -> None:
        if self._ours.fileno() >= 0:
            asyncio.get_running_loop().remove_writer(self._ours)


class Taking:
    """Takes the connections that come over `handed`, and runs `handle` on each in a task of its own."""

    def __init__(
        self, handed: socket.socket, handle: Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]
    ) -> None:
        self._handed, self._handle = handed, handle
        self._tasks: set[asyncio.Task[None]] = set()
        handed.setblocking(False)
        asyncio.get_running_loop().add_reader(handed, self._take)

    def close(self) -> None:
        """Take no more connections."""
        if self._handed.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._handed)
            self._handed.close()

    def _take(self) -> None:
        while True:
            try:
                byte, ends, _, _ = socket.recv_fds(self._handed, len(_ONE), 1)
            except BlockingIOError:
                return
            except OSError as error:
                _log.error("no connection was taken: %s", error.strerror)
                return
            if not byte:  # the other process has ended
                self.close()
                return
            if not ends:  # the system drops what does not fit, and the other side sees the end of its connection
                _log.error("a connection was dropped: this process may open no more files (`ulimit -n`)")
            for end in ends:
                task = asyncio.create_task(self._run(socket.socket(fileno=end)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _run(self, end: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(sock=end)
        except OSError as error:
            end.close()
            _log.error("a connection was dropped: %s", error.strerror)
            return
        await self._handle(reader, writer)
