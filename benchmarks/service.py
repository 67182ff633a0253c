"""What the HTTP service can do: runs a second and processor time a run, on all cores, of a model without latency.

The processor time is that of the server's two processes; the clients share the cores but do not count. Its baseline is
the bare graph of `benchmarks.orchestration`.

`python -m benchmarks.service long` (eight minutes) measures it under load: 200 clients at once, a limit of 8 runs a
second, four 200 ms calls a run. Throughput is the share of the limit; refusals with 429 are told to come back, anything
else is an error. Memory: what the server's processes hold after 500 and after 5,000 runs of a model without latency.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from benchmarks.batch import CALL_SECONDS, QUESTION, delayed
from benchmarks.figures import ROUNDS, Figure, show
from benchmarks.load import Connection, children
from benchmarks.load import held as memory_held
from benchmarks.orchestration import bare_graph
from experience.http.app import create_app
from experience.http.front.admission import Authenticate
from experience.http.front.app import create_front
from experience.http.front.serving import run_server
from experience.http.worker import Worker
from policy.identity.authenticator import LOCAL
from policy.identity.principal import Principal
from settings import Settings
from tests.crash.batch_victim import stubbed_service
from tests.doubles.roles import scripted

CAPACITY_CLIENTS, CAPACITY_SECONDS, CAPACITY_WARM_UP, BARE_RUNS = 8, 6, 4, 20
CLIENTS, LIMIT, SECONDS, WARM_UP_SECONDS = 200, 8, 40, 8
MEMORY_RUNS = (500, 5_000)
ASKED = {"question": QUESTION, "context": {"model": "scripted:m"}}


def serve(home: Path, seconds: float, limit: int | None) -> None:
    """Serve a stubbed corpus and a scripted model, until the process is told to end."""
    server = {"port": 0, "max_running": 16, "max_waiting": 16, "runs_per_second": limit}
    settings = Settings(home=home, server=server)
    worker = Worker(settings, f"benchmarks.service:{'slow_app' if seconds else 'quick_app'}")
    front = create_front(settings, anybody, worker)
    run_server(front, worker, settings.server, started=lambda url: print(url, flush=True))


async def anybody(_: str | None, __: str) -> Principal:
    """Authenticate everybody."""
    return LOCAL


def slow_app(settings: Settings, authenticate: Authenticate) -> FastAPI:
    """Return the API over a stubbed corpus and a model that takes its time for each call."""
    return stubbed_app(settings, authenticate, delayed(CALL_SECONDS))


def quick_app(settings: Settings, authenticate: Authenticate) -> FastAPI:
    """Return the API over a stubbed corpus and a model without latency."""
    return stubbed_app(settings, authenticate, scripted())


def stubbed_app(settings: Settings, authenticate: Authenticate, model: Any) -> FastAPI:
    """Return the API over a stubbed corpus and a model."""
    return create_app(settings, authenticate, open_service=lambda given: stubbed_service(given.home, model))


@asynccontextmanager
async def served(home: Path, seconds: float, limit: int | None) -> Any:
    """Yield the address and the process of a server."""
    arguments = ["-m", "benchmarks.service", "serve", str(home), str(seconds), json.dumps(limit)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        yield (await process.stdout.readline()).decode().strip(), process  # type: ignore[union-attr]
    finally:
        process.terminate()
        await process.wait()


def processor_seconds(process: int) -> float:
    """Return the processor time that a process and those it has started have used."""
    used = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK") + sum(map(processor_seconds, children(process)))


async def capacity(home: Path) -> tuple[list[float], list[float], list[float]]:
    """Return of each round runs a second, and the milliseconds of processor time of a run and of the bare graph."""
    rates, ours, bare = list[float](), list[float](), list[float]()
    async with (
        served(home / "server", 0, None) as (url, process),
        AsyncSqliteSaver.from_conn_string(str(home / "bare.db")) as saver,
    ):
        graph, port = bare_graph(saver), int(url.rpartition(":")[2])
        await asked_for(CAPACITY_WARM_UP, port)
        await bare_milliseconds(graph)
        for _ in range(ROUNDS):
            began, used = time.monotonic(), processor_seconds(process.pid)
            runs = await asked_for(CAPACITY_SECONDS, port)
            rates.append(runs / (time.monotonic() - began))
            ours.append((processor_seconds(process.pid) - used) * 1000 / runs)
            bare.append(await bare_milliseconds(graph))
    return rates, ours, bare


async def asked_for(seconds: float, port: int) -> int:
    """Ask for some seconds, several clients at once, and return how many runs there were."""
    done, until = 0, time.monotonic() + seconds

    async def asks() -> None:
        nonlocal done
        connection = Connection(port, None)
        while time.monotonic() < until:
            status, _, body = await connection.send("POST", "/v1/chat", ASKED)
            if status != 200:
                raise RuntimeError(f"{status}: {body.decode()}")
            done += 1
        connection.close()

    await asyncio.gather(*(asks() for _ in range(CAPACITY_CLIENTS)))
    return done


async def bare_milliseconds(graph: Any) -> float:
    """Return the processor time of a run of the bare graph, in this process."""
    began = time.process_time()
    for _ in range(BARE_RUNS):
        config = {"configurable": {"thread_id": uuid.uuid4().hex}}
        await graph.ainvoke({"question": QUESTION}, config, durability="sync")
    return (time.process_time() - began) * 1000 / BARE_RUNS


async def ask(client: httpx.AsyncClient, until: float, told: Counter[int], done: list[float]) -> None:
    """Ask again and again; come back when told to."""
    while time.monotonic() < until:
        answer = await client.post("/v1/chat", json=ASKED)
        told[answer.status_code] += 1
        if answer.status_code == 200:
            done.append(time.monotonic())
        else:
            await asyncio.sleep(float(answer.headers.get("retry-after", 1)))


async def throughput(home: Path) -> tuple[float, Counter[int]]:
    """Return runs a second after the warm-up, and how often each status came."""
    told: Counter[int] = Counter()
    done: list[float] = []
    limits = httpx.Limits(max_connections=None)
    async with (
        served(home, CALL_SECONDS, LIMIT) as (url, _),
        httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client,
    ):
        began = time.monotonic()
        until = began + WARM_UP_SECONDS + SECONDS
        await asyncio.gather(*(ask(client, until, told, done) for _ in range(CLIENTS)))
    counted = [at for at in done if began + WARM_UP_SECONDS <= at < until]
    return len(counted) / SECONDS, told


async def memory(home: Path) -> list[float]:
    """Return the MiB that the server holds after each number of runs."""
    held = []
    async with served(home, 0, None) as (url, process), httpx.AsyncClient(base_url=url, timeout=60) as client:
        told: Counter[int] = Counter()
        for most in MEMORY_RUNS:

            async def some(most: int = most) -> None:
                while told[200] < most:
                    told[(await client.post("/v1/chat", json=ASKED)).status_code] += 1

            await asyncio.gather(*(some() for _ in range(8)))
            held.append(memory_held(process.pid))
    return held


def figures() -> Iterator[Figure]:
    """Yield what the service can do."""
    with tempfile.TemporaryDirectory() as folder:
        rates, ours, bare = asyncio.run(capacity(Path(folder)))
    cores = len(os.sched_getaffinity(0))
    what = f"runs a second of the HTTP service on {cores} cores, model without latency"
    yield Figure(name="service.capacity", what=what, unit="runs/s", ours=rates, better="higher")
    what = "processor time of a run in the HTTP service against a bare LangGraph graph of the same supersteps"
    yield Figure(name="service.processor", what=what, unit="ms", ours=ours, baseline=bare)


def main_long() -> None:
    """Print throughput and memory."""
    with tempfile.TemporaryDirectory() as folder:
        rate, told = asyncio.run(throughput(Path(folder) / "load"))
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(told.items()))
        print(f"service: {rate:.2f} runs a second of {LIMIT} allowed, share {rate / LIMIT:.2f}; {statuses}")
        held = asyncio.run(memory(Path(folder) / "memory"))
        print(f"service: {held[0]:.0f} MiB after {MEMORY_RUNS[0]} runs, {held[1]:.0f} MiB after {MEMORY_RUNS[1]}, "
              f"ratio {held[1] / held[0]:.2f}")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]), float(sys.argv[3]), json.loads(sys.argv[4]))
    elif sys.argv[1:] == ["long"]:
        main_long()
    else:
        show(figures())
