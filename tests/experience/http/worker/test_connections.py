"""Connections between the two processes: handed over, waited for, and refused with the reason."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from experience.http.worker.connections import Connections, Taking
from experience.http.worker.keeper import Worker
from settings import Settings
from state.errors import DependencyUnavailable
from tests.doubles.waiting import safely, until


async def echo(reader, writer):
    writer.write(await reader.readexactly(2))
    writer.close()


async def asked(connections, number):
    reader, writer = await connections.new()
    writer.write(f"{number:02}".encode())
    answer = await reader.read()
    writer.close()
    return int(answer)


@asynccontextmanager
async def opened():
    connections = Connections()
    try:
        yield connections
    finally:
        connections.close()


@contextmanager
def no_more_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len([*Path("/proc/self/fd").iterdir()]) + 8, hard))
    spare = []
    try:
        with suppress(OSError):
            while True:
                spare.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in spare:
            os.close(each)


async def test_connections_wait_for_a_process_that_is_held_up_and_none_is_lost():
    async with opened() as connections:
        connections._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the system's least: some ten
        asking = [asyncio.create_task(asked(connections, number)) for number in range(60)]
        await until(connections._turn.locked)
        taking = Taking(connections.theirs, echo)
        assert await safely(asyncio.gather(*asking)) == [*range(60)]
        taking.close()


@pytest.mark.parametrize("ends", ["there", "here"])
async def test_who_waits_for_a_connection_is_told_of_the_end(ends):
    async with opened() as connections:
        connections._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        asking = [asyncio.create_task(connections.new()) for _ in range(60)]
        await until(connections._turn.locked)
        (connections.theirs if ends == "there" else connections).close()
        told = await safely(asyncio.gather(*asking, return_exceptions=True))
        refused = [each for each in told if isinstance(each, ConnectionError)]
        assert refused
        for each in told:
            if each not in refused:
                assert await each[0].read() == b""
                each[1].close()


async def test_the_end_of_one_that_waits_leaves_alone_what_gets_its_number():
    loop = asyncio.get_running_loop()
    async with opened() as connections:
        connections._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        asking = [asyncio.create_task(connections.new()) for _ in range(60)]
        await until(connections._turn.locked)
        number = connections._ours.fileno()
        near, far = socket.socketpair()
        connections.close()
        with far, near, socket.socket(fileno=os.dup2(near.fileno(), number)) as next_one:
            loop.add_writer(next_one, lambda: None)
            for each in await safely(asyncio.gather(*asking, return_exceptions=True)):
                if not isinstance(each, ConnectionError):
                    each[1].close()
            assert loop.remove_writer(next_one)


@pytest.mark.skipif(sys.platform != "linux", reason="counts the open files in /proc")
async def test_too_many_open_files_are_not_taken_for_the_end_of_the_process(tmp_path, caplog):
    async with opened() as connections:
        worker = Worker(Settings(home=tmp_path), echo)
        worker._connections = connections
        with no_more_files(), pytest.raises(DependencyUnavailable, match="Too many open files") as caught:
            await worker.connect()
        assert ("ulimit -n" in caught.value.hint, caught.value.retry_after) == (True, 5)
        assert "Too many open files" in caplog.text
        connections.theirs.close()
        with pytest.raises(DependencyUnavailable, match="has ended"):
            await worker.connect()


@pytest.mark.skipif(sys.platform != "linux", reason="counts the open files in /proc")
async def test_a_process_that_may_open_no_more_files_drops_the_connection_and_says_so(caplog):
    async with opened() as connections:
        reader, writer = await connections.new()
        with no_more_files():
            taking = Taking(connections.theirs, echo)
            assert await safely(reader.read()) == b""
        assert "a connection was dropped: this process may open no more files" in caplog.text
        writer.close()
        assert await safely(asked(connections, 7)) == 7
        taking.close()
