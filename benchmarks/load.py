"""A real `sixplane serve` with 200 clients beside two busy loops: python -m benchmarks.load [SECONDS]

Each client asks, waits as long as `Retry-After` says, and asks again; others send no key or a wrong one. What is
measured: which statuses came, how long each took, and the memory of the server's two processes. Then the server is
killed in the middle of its work and started again: every run that it had accepted must end with a report or a typed
failure.

The times are those of the clients, which run on the same machine: `lag` is how late they themselves were woken.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLIENTS, RAMP_SECONDS, STRANGERS, SECONDS, LOOPS = 200, 5, 8, 60, 2
SAMPLED_SECONDS = 2.0
KINDS = {"of its own": "Pss_Anon", "of files": "Pss_File"}
QUESTIONS = ("What does a budget do?", "What happens when a guard cannot answer?", "How long does a lease last?")
SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "sample"
SIXPLANE = (sys.executable, "-c", "from experience.cli import main; main()")


@dataclass
class Told:
    """What the clients saw: how long each answer took by its status, how late they were woken, and the open threads."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    lags: list[float] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    open: set[str] = field(default_factory=set)


class Connection:
    """One connection that is kept alive. A bare one: the clients share two cores with what they measure."""

    def __init__(self, port: int, key: str | None) -> None:
        self._port = port
        self._more = f"authorization: Bearer {key}\r\n" if key else ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, given: Any = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer to one request."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            body = b"" if given is None else json.dumps(given).encode()
            head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{self._more}"
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            return int(first.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))
        except BaseException:  # cancellation too: an answer that is half read makes the connection unusable
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def asks(number: int, port: int, key: str, until: float, told: Told) -> None:
    """Ask again and again, each time on a thread of its own; come back when told to. The clients come one by one."""
    connection, turn = Connection(port, key), 0
    await asyncio.sleep(number / CLIENTS * RAMP_SECONDS)
    while time.monotonic() < until:
        turn += 1
        thread = f"load-{number}-{turn}"
        asked = {"question": QUESTIONS[turn % len(QUESTIONS)], "thread_id": thread, "context": {"corpus": "sample"}}
        told.open.add(thread)
        status, headers, _ = await measured(connection, told, "POST", "/v1/chat", asked)
        if status:
            told.open.discard(thread)
        # Who is told to come back after the end does not wait for it.
        await asyncio.sleep(min(float(headers.get("retry-after", 0.1)), max(0.0, until - time.monotonic())))
    connection.close()


async def is_turned_away(number: int, port: int, until: float, told: Told) -> None:
    """Send requests without a key, or with a wrong one."""
    connection = Connection(port, None if number % 2 else f"sp_{'0' * 12}_{'x' * 43}")
    while time.monotonic() < until:
        await measured(connection, told, "GET", "/v1/corpora")
        await asyncio.sleep(0.25)
    connection.close()


async def measured(connection: Connection, told: Told, *request: Any) -> tuple[int, dict[str, str], bytes]:
    """Send a request and note how long its answer took; status 0 if the server was gone."""
    began = time.monotonic()
    try:
        answer = await connection.send(*request)
    except (OSError, asyncio.IncompleteReadError) as error:
        told.broken[type(error).__name__] += 1
        return 0, {}, b""
    told.seconds[answer[0]].append(time.monotonic() - began)
    return answer


async def notes_lags(until: float, told: Told) -> None:
    """Note how late this process is woken."""
    while time.monotonic() < until:
        due = time.monotonic() + 0.1
        await asyncio.sleep(0.1)
        told.lags.append(time.monotonic() - due)


async def loaded(port: int, key: str, seconds: float, told: Told) -> None:
    """Let all clients ask for some seconds."""
    until = time.monotonic() + seconds
    await asyncio.gather(
        notes_lags(until, told),
        *(asks(number, port, key, until, told) for number in range(CLIENTS)),
        *(is_turned_away(number, port, until, told) for number in range(STRANGERS)),
    )


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep that many cores busy."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def sixplane(home: Path, *arguments: str) -> str:
    """Run a command and return what it prints."""
    command = [*SIXPLANE, *arguments, "--home", str(home)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@asynccontextmanager
async def served(home: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Yield the process of a server and its port, once it is ready."""
    command = [*SIXPLANE, "serve", "--port", "0", "--home", str(home)]
    with (home / "serve.log").open("ab") as log:
        started = log.tell()
        process = await asyncio.create_subprocess_exec(*command, stderr=log)
    try:
        port = 0
        while process.returncode is None:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", (home / "serve.log").read_text()[started:])
            port = int(found[1]) if found else 0
            with suppress(OSError, asyncio.IncompleteReadError):
                if port and (await Connection(port, None).send("GET", "/v1/health/ready"))[0] == 200:
                    break
            await asyncio.sleep(0.1)
        yield process, port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def held(process: int) -> float:
    """Return the MiB that a process and its children hold; what several share counts once."""
    return sum(memory(process).values()) + sum(held(child) for child in children(process))


def memory(process: int) -> dict[str, float]:
    """Return the MiB that a process holds, of each kind; what it shares with others counts in part (`Pss`)."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    sizes = {name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in lines[1:])}
    return {kind: sizes[name] for kind, name in KINDS.items()}


def children(process: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@dataclass(frozen=True)
class Sample:
    """What the two processes held when the clients had so many answers, and how many of these were reports."""

    answers: int
    reports: int
    front: dict[str, float]
    worker: dict[str, float]


async def sampled(process: int, told: Told, work: asyncio.Task[None]) -> list[Sample]:
    """Return samples of the time until the work is done."""
    samples = []
    while not work.done():
        await asyncio.wait([work], timeout=SAMPLED_SECONDS)
        answers = sum(len(times) for times in told.seconds.values())
        (worker,) = children(process)
        samples.append(Sample(answers, len(told.seconds[200]), memory(process), memory(worker)))
    return samples


def say_memory(samples: list[Sample]) -> None:
    """Print what each process held after a third of the time, after two thirds and at the end, and how it grew.

    Growth is that of the last two thirds: before them, models and modules are loaded.
    """
    third, last = samples[len(samples) // 3], samples[-1]
    for name in ("front", "worker"):
        for when in (third, samples[2 * len(samples) // 3], last):
            sizes = ", ".join(f"{size:.0f} MiB {kind}" for kind, size in getattr(when, name).items())
            say(f"{name} after {when.answers} answers, {when.reports} of them reports: {sizes}")
        grown = 1024 * (getattr(last, name)["of its own"] - getattr(third, name)["of its own"])
        answers, reports = last.answers - third.answers, last.reports - third.reports
        say(f"{name} grew by {grown:.0f} KiB: {1000 * grown / max(1, answers):.0f} for 1,000 answers, "
            f"{grown / max(1, reports):.1f} for each report")  # fmt: skip


async def under_load(home: Path, key: str, seconds: float) -> None:
    """Print what clients saw for some seconds, and what the server held meanwhile."""
    told = Told()
    async with served(home) as (process, port):
        with busy(LOOPS):
            work = asyncio.create_task(loaded(port, key, seconds, told))
            samples = await sampled(process.pid, told, work)
            await work
    for status, times in sorted(told.seconds.items()):
        say(f"{len(times)} × {status}: {told_times(times)}")
    say(f"lag of the clients: {told_times(told.lags)}; broken connections: {dict(told.broken)}")
    say_memory(samples)


async def killed_and_restarted(home: Path, key: str, seconds: float) -> None:
    """Kill the server under load, start it again, and print how the runs ended that it had accepted."""
    told = Told()
    async with served(home) as (process, port):
        with busy(LOOPS):
            work = asyncio.create_task(loaded(port, key, seconds, told))
            await asyncio.sleep(seconds / 2)
            for each in (*children(process.pid), process.pid):  # the process that works too, or its runs would end well
                os.kill(each, signal.SIGKILL)
            await process.wait()
            left = sorted(told.open)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    async with served(home) as (_, port):
        ends = Counter([await ending(Connection(port, key), thread) for thread in left])
    say(f"killed with {len(left)} requests open; after the restart: {dict(ends)}")


async def ending(connection: Connection, thread: str) -> str:
    """Return how the run of a thread ended, after it was resumed if it was not over."""
    while True:
        status, _, body = await connection.send("GET", f"/v1/threads/{thread}")
        if status == 404:
            return "never accepted"
        record = json.loads(body)["record"]["status"]
        if record not in ("running", "interrupted"):
            return str(record)
        status, _, body = await connection.send("POST", f"/v1/threads/{thread}/resume", {})
        if status not in (200, 202, 409, 429):
            return str(json.loads(body)["code"])
        await asyncio.sleep(0.5)


def told_times(seconds: list[float]) -> str:
    """Return the median, the 99th percentile and the longest of some times."""
    ordered = sorted(seconds) or [0.0]
    at = (ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], ordered[-1])
    return "median {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms".format(*(1000 * each for each in at))


def say(line: str) -> None:
    """Print a line at once."""
    print(f"load: {line}", flush=True)


def main() -> None:
    """Print what clients saw under load, and how accepted runs ended after a kill."""
    seconds = float(sys.argv[1]) if sys.argv[1:] else SECONDS
    say(f"{CLIENTS} clients, {seconds:.0f} s, {LOOPS} busy loops, {os.cpu_count()} cores, "
        f"load average before {os.getloadavg()[0]:.1f}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        sixplane(home, "ingest", str(SAMPLE), "--corpus", "sample")
        made = sixplane(home, "keys", "create", "--principal", "load", "--role", "admin", "--json")
        key = json.loads(made)["key"]
        asyncio.run(under_load(home, key, seconds))
        asyncio.run(killed_and_restarted(home, key, seconds / 2))


if __name__ == "__main__":
    main()
