"""A run of the benchmarks as it is kept: its figures, and the machine that they hold for."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime

from benchmarks.figures.figure import Figure
from state.values import Value

FOLDER = Path(__file__).resolve().parent.parent
COMMITTED = FOLDER / "figures.json"
"""The figures that later runs are compared with and that docs/measurements.md shows."""

RESULTS = FOLDER / "results"
"""A file for each run, named by its time; not committed."""

PACKAGES = (
    "aiosqlite",
    "lancedb",
    "langchain-core",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "openvino",
    "pydantic",
    "sqlalchemy",
    "tantivy",
    "typer",
    "usearch",
)
"""The packages whose version a ratio may depend on."""


class Machine(Value):
    """What figures hold for: processor, memory, Python and packages. No name of a host, person or folder.

    Args:
        load: how many processes wanted a processor in the minute before the run.
    """

    cpus: int
    processor: str
    memory_gib: float
    system: str
    python: str
    packages: dict[str, str]
    load: float

    @classmethod
    def here(cls) -> Self:
        """Return the facts of this machine."""
        return cls(
            cpus=os.cpu_count() or 1,
            processor=_processor(),
            memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            packages={name: metadata.version(name) for name in PACKAGES},
            load=round(os.getloadavg()[0], 1),
        )

    @property
    def busy(self) -> bool:
        """Whether other programs used more than half of the processors."""
        return self.load > self.cpus / 2

    def __str__(self) -> str:
        """Return what most ratios depend on, for people."""
        python = ".".join(self.python.split(".")[:2])
        memory = f"{self.memory_gib:.0f} GiB of memory"
        return f"{self.cpus} cores ({self.processor}) and {memory}, {self.system}, CPython {python}"


class Run(Value):
    """What a run measured, or what several runs measured together.

    Args:
        measured: when the run began; of several, the last one.
        runs: how many runs these figures come from.
        seconds: how long each benchmark took; of several runs, in the last one.
        failed: the benchmarks that ended with an error.
    """

    measured: AwareDatetime
    runs: int = 1
    machine: Machine
    seconds: dict[str, float]
    failed: tuple[str, ...] = ()
    figures: tuple[Figure, ...]

    @property
    def names(self) -> set[str]:
        """The names of its figures."""
        return {figure.name for figure in self.figures}

    def asked(self, name: str) -> bool:
        """Tell whether the run was to measure the figure `name`."""
        return any(name.startswith(f"{benchmark}.") for benchmark in self.seconds)

    def write(self, path: Path) -> None:
        """Write the run as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{self.model_dump_json(indent=1)}\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the run of a file."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def latest(count: int = 1, folder: Path = RESULTS) -> list[Run]:
    """Return the last `count` runs, the newest last.

    Raises:
        LookupError: there are fewer.
    """
    files = sorted(folder.glob("*.json"))[-count:]
    if len(files) < count:
        raise LookupError(f"there are {len(files)} runs and {count} are asked for: run `make bench` first")
    return [Run.read(path) for path in files]


def together(runs: Sequence[Run]) -> Run:
    """Return the rounds of several runs of the same benchmarks as one run.

    Raises:
        ValueError: they measured different figures.
    """
    last = runs[-1]
    for run in runs:
        if run.names != last.names:
            different = ", ".join(sorted(run.names ^ last.names))
            raise ValueError(f"these figures are not in every one of the {len(runs)} runs: {different}")
    of_name = {name: [figure for run in runs for figure in run.figures if figure.name == name] for name in last.names}
    figures = tuple(
        figure.model_copy(
            update={
                "ours": tuple(value for each in of_name[figure.name] for value in each.ours),
                "baseline": tuple(value for each in of_name[figure.name] for value in each.baseline),
            }
        )
        for figure in last.figures
    )
    return last.model_copy(update={"figures": figures, "runs": sum(run.runs for run in runs)})


def accepted(committed: Run | None, new: Run) -> Run:
    """Return the figures to commit: those of the new run, and the committed ones that it was not asked for.

    Raises:
        ValueError: committed ones would be kept that are of another machine.
    """
    if committed is None:
        return new
    kept = [figure for figure in committed.figures if not new.asked(figure.name)]
    if kept and str(committed.machine) != str(new.machine):
        raise ValueError(
            f"the other committed figures are of {committed.machine}: measure all of them here, `make bench`"
        )
    figures = sorted((*kept, *new.figures), key=lambda figure: figure.name)
    return new.model_copy(update={"figures": tuple(figures), "seconds": {**committed.seconds, **new.seconds}})


def _processor() -> str:
    """Return the model of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
