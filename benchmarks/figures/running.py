"""Runs benchmarks one after the other, each in a process of its own, and keeps what they measured."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures.figure import Figure
from benchmarks.figures.run import RESULTS, Machine, Run

MOST_SECONDS = 600
"""How long `make bench` should take at most."""


def run(names: Sequence[str], results: Path = RESULTS) -> Run:
    """Run benchmarks and return what they measured; a run with figures or failures is written into `results`."""
    began, machine = datetime.now(UTC), Machine.here()
    if machine.busy:
        _say(f"other programs use this machine (load {machine.load} on {machine.cpus} cores): the figures will spread")
    seconds: dict[str, float] = {}
    failed, figures = [], []
    for name in names:
        _say(f"\n== {name}")
        started = time.perf_counter()
        found, status = _one(name)
        seconds[name] = round(time.perf_counter() - started, 1)
        figures += [figure.model_copy(update={"measured": began.date()}) for figure in found]
        failed += [name] * (status != 0)
    made = Run(measured=began, machine=machine, seconds=seconds, failed=tuple(failed), figures=tuple(figures))
    if figures or failed:
        path = results / f"{began:%Y%m%dT%H%M%SZ}.json"
        made.write(path)
        _say(f"\n{_took(seconds)}; {len(figures)} figures in {path.name}, in {results}")
    return made


def _one(name: str) -> tuple[list[Figure], int]:
    """Return the figures of a benchmark and its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.jsonl"
        command = [sys.executable, "-m", "benchmarks.figures.one", name, str(file)]
        status = subprocess.run(command, check=False).returncode
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Figure.model_validate_json(line) for line in lines], status


def _took(seconds: dict[str, float]) -> str:
    """Return how long it took, and which benchmark took longest if that is too long."""
    total = sum(seconds.values())
    text = f"{total / 60:.1f} minutes"
    if total > MOST_SECONDS:
        slowest = max(seconds, key=lambda name: seconds[name])
        text += f", more than {MOST_SECONDS // 60}: {slowest} took {seconds[slowest] / 60:.1f}"
    return text


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
