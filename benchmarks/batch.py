"""How near a batch comes to its bound, and whether its memory is flat in the number of rows.

Throughput: rows of four calls of 200 ms each, eight rows at once, against concurrency ÷ the latency of those calls.

`python -m benchmarks.batch memory` (minutes) compares the peak of a process that runs 2,000 rows of a model without
latency with that of one that runs 200.

`python -m benchmarks.batch ray` compares the engines `local` and `ray` (two workers on this machine) on the same rows:
rows a second between the first outcome and the last, and the seconds before the first.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from benchmarks.figures import ROUNDS, Figure, show
from experience.batch import BatchJob, JobOptions, open_engine
from experience.cli.running import run_async
from gateway import Answer
from state.channels import ResearchContext
from tests.crash.batch_victim import UNLIMITED, engine_of, stubbed_service
from tests.doubles.roles import PLAYS, scripted

CONCURRENCY = 8
CALLS, CALL_SECONDS = 4, 0.2
ROWS, WARM_UP = 160, 16
"""Enough rows that the last ones, for which not all slots are busy, weigh little."""
RAY_ROWS = 160
MEMORY_ROWS = (200, 2_000)
QUESTION = "When did the Falcon start; What does Tariff A cost"


def delayed(seconds: float) -> Any:
    """Return a model of all roles that takes its time."""

    def late(play: Any) -> Any:
        return lambda *given: Answer(play(*given), delay=seconds)

    return scripted(**{name: late(play) for name, play in PLAYS.items()})


def write_rows(path: Path, count: int) -> Path:
    """Write the input."""
    path.parent.mkdir(exist_ok=True)
    rows = ({"id": f"r{number}", "question": f"{QUESTION} number {number}"} for number in range(count))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


async def run_job(service: Any, folder: Path, rows: int, concurrency: int) -> float:
    """Return the seconds that a job of `rows` rows takes."""
    name = f"{rows}-{concurrency}"
    source = write_rows(folder / f"{name}.in.jsonl", rows)
    options = JobOptions(source, folder / f"{name}.out.jsonl", ResearchContext(model="scripted:m"))
    job = BatchJob(service, open_engine("local", service, concurrency), options)
    began = time.perf_counter()
    async with aclosing(job.run()) as outcomes:
        ended = [outcome.status async for outcome in outcomes]
    seconds = time.perf_counter() - began
    if set(ended) != {"done"} or len(ended) != rows:
        raise RuntimeError(f"{rows} rows came to {set(ended)}")
    return seconds


async def rates(folder: Path) -> list[float]:
    """Return rows a second of each round."""
    async with stubbed_service(folder / "home", delayed(CALL_SECONDS)) as service:
        await run_job(service, folder, WARM_UP, CONCURRENCY)
        return [ROWS / await run_job(service, folder / str(number), ROWS, CONCURRENCY) for number in range(ROUNDS)]


async def rate_of(engine: str, folder: Path) -> tuple[float, float]:
    """Return rows a second between the first outcome and the last on an engine, and the seconds before the first."""
    home, model = folder / engine, delayed(CALL_SECONDS)
    options = JobOptions(
        write_rows(folder / "in.jsonl", RAY_ROWS), folder / f"{engine}.jsonl", ResearchContext(model="scripted:m")
    )
    async with stubbed_service(home, model, **UNLIMITED) as service:
        job = BatchJob(service, engine_of(engine, service, CONCURRENCY, home, model, **UNLIMITED), options)
        began = time.perf_counter()
        async with aclosing(job.run()) as outcomes:
            ends = [time.perf_counter() async for outcome in outcomes if outcome.status == "done"]
    if len(ends) != RAY_ROWS:
        raise RuntimeError(f"{len(ends)} of {RAY_ROWS} rows were answered")
    return (len(ends) - 1) / (ends[-1] - ends[0]), ends[0] - began


async def engines(folder: Path) -> None:
    """Print the throughput of both engines and their ratio."""
    local, _ = await rate_of("local", folder)
    ray, start = await rate_of("ray", folder)
    bound = CONCURRENCY / (CALLS * CALL_SECONDS)
    print(f"{RAY_ROWS} rows, {CONCURRENCY} at once, {CALLS} calls of 200 ms a row; bound {bound:.2f} rows/s")
    print(f"  local: {local:.2f} rows/s; ray, two workers: {ray:.2f} rows/s, share {ray / local:.3f}")
    print(f"  ray: first outcome after {start:.1f} s, with the start of the cluster")


async def without_latency(folder: Path, rows: int) -> None:
    """Run `rows` rows and print the process's peak memory in KiB."""
    async with stubbed_service(folder / "home", scripted()) as service:
        await run_job(service, folder, rows, CONCURRENCY)
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\n")


def peak_memory(rows: int) -> int:
    """Return the peak memory in KiB of a process that runs a job of `rows` rows."""
    command = [sys.executable, "-m", "benchmarks.batch", str(rows)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def memory() -> None:
    """Print the ratio of the peaks."""
    few, many = (peak_memory(rows) for rows in MEMORY_ROWS)
    print(f"peak memory: {few / 1024:.0f} MiB with {MEMORY_ROWS[0]} rows, {many / 1024:.0f} MiB with {MEMORY_ROWS[1]}")
    print(f"  ratio {many / few:.3f}, target at most 1.10")


def figures() -> Iterator[Figure]:
    """Yield the share of the bound."""
    with tempfile.TemporaryDirectory() as folder:
        found = run_async(rates(Path(folder)))
    bound = CONCURRENCY / (CALLS * CALL_SECONDS)
    what = f"a batch, {CONCURRENCY} rows at once, four calls of 200 ms a row, against {CONCURRENCY} ÷ 0.8 s"
    yield Figure(
        name="batch.share",
        what=what,
        unit="rows/s",
        ours=found,
        baseline=[bound] * ROUNDS,
        better="higher",
        target=0.95,
    )


def main(arguments: list[str]) -> None:
    """Print the share, or what the command line asks for."""
    match arguments:
        case ["ray"]:
            with tempfile.TemporaryDirectory() as folder:
                run_async(engines(Path(folder)))
        case ["memory"]:
            memory()
        case [rows]:
            with tempfile.TemporaryDirectory() as folder:
                run_async(without_latency(Path(folder), int(rows)))
        case _:
            show(figures())


if __name__ == "__main__":
    main(sys.argv[1:])
