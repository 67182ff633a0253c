"""Time and peak memory of `sixplane ingest` at three sizes: `python -m benchmarks.retrieval.long_ingestion [NAME…]`.

Each ingestion is a process of its own: the real command, with an encoder that gives every text a vector of its hash.
Peak memory is that of the process and of those that it starts, sampled every 20 ms, and the kernel's own high-water
mark of the process. It fails if that is above 500 MB, or if the largest input takes more time per unit than the
smallest, beyond what a shared machine makes uncertain. It needs Linux.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

MOST_MB = 500
UNEVEN = 1.4
"""The most that a unit of the largest input may cost beyond one of the smallest. A chosen value for shared machines."""

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "sample"


class Stub(Embeddings):
    """Gives each text a vector of 384 numbers that follow from it."""

    model_id = "stub"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a text."""
        found: list[float] = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(384).tolist()
        return found


def words(seed: int) -> Iterator[str]:
    """Yield lines of about a hundred characters, drawn from the sample handbook."""
    known = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.md"))).split()
    draw = np.random.default_rng(seed)
    while True:
        yield " ".join(known[n] for n in draw.integers(0, len(known), 16))


def small_files(folder: Path, count: int) -> None:
    """Write `count` files of some 1,500 characters."""
    lines = words(1)
    for n in range(count):
        place = folder / f"{n // 100:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{n:05}.md").write_text(
            f"# Note {n}\n\n" + "\n".join(next(lines) for _ in range(15)), encoding="utf-8"
        )


def text(folder: Path, megabytes: int) -> None:
    """Write one text file; some of its characters need two bytes in memory, and so all of them do."""
    lines, written = words(2), 0
    with (folder / "long.txt").open("w", encoding="utf-8") as file:
        while written < megabytes * 1_000_000:
            paragraph = "\n".join(next(lines) for _ in range(6)) + "\n\n"
            written += file.write(paragraph)
        file.write("\N{EM DASH}\n")


def pdf(folder: Path, pages: int) -> None:
    """Write one PDF file of `pages` pages."""
    from reportlab.pdfgen.canvas import Canvas

    lines, canvas = words(3), Canvas(str(folder / "long.pdf"))
    for _ in range(pages):
        written = canvas.beginText(40, 800)
        for _ in range(45):
            written.textLine(next(lines).encode("ascii", "ignore").decode()[:110])
        canvas.drawText(written)
        canvas.showPage()
    canvas.save()


def csv(folder: Path, rows: int) -> None:
    """Write one CSV file of `rows` rows and five columns."""
    lines = words(4)
    with (folder / "long.csv").open("w", encoding="utf-8") as file:
        file.write("number,title,owner,price,remark\n")
        for n in range(rows):
            cells = next(lines).replace(",", "").replace('"', "").split()
            file.write(f"{n},{' '.join(cells[:4])},{cells[4]},{n * 7 % 1000},{' '.join(cells[5:])}\n")


INPUTS: dict[str, tuple[Callable[[Path, int], None], tuple[int, int, int], str]] = {
    "small files": (small_files, (1_250, 2_500, 5_000), "files"),
    "text": (text, (12, 25, 50), "MB"),
    "pdf": (pdf, (500, 1_000, 2_000), "pages"),
    "csv": (csv, (25_000, 50_000, 100_000), "rows"),
}


def child(home: str, path: str) -> None:
    """Be `sixplane ingest` with the stub."""
    from experience.cli import main as command
    from retrieval.embeddings.local import loaded

    loaded[None] = Stub()  # type: ignore[assignment]  # as if it had been loaded
    sys.argv = ["sixplane", "ingest", path, "--home", home, "--json"]
    command()


def measured(path: Path) -> tuple[float, float, int]:
    """Return the seconds of CPU time, the peak memory in MB and the passages of an ingestion."""
    with tempfile.TemporaryDirectory() as home:
        before = _spent()
        command = [sys.executable, "-m", "benchmarks.retrieval.long_ingestion", "--child", home, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            peak = 0
            while process.poll() is None:
                peak = max(peak, sum(map(_resident, _family(process.pid))), _high_water(process.pid))
                time.sleep(0.02)
            printed, told = process.communicate()
        report = json.loads(printed or "{}")
        if process.returncode or report["failed"]:
            raise RuntimeError(f"the ingestion failed: {told.decode()[-500:]}")
        return _spent() - before, peak / 1e6, report["passages"]


def _spent() -> float:
    """Return the CPU time of all children so far: of a machine that others use too, the clock tells little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for listed in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, listed.read_text().split())
            except OSError:  # it has ended
                continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def main() -> int:
    """Print a line for each input and size; return 1 if a promise is broken, 2 for an unknown input."""
    unknown = [name for name in sys.argv[1:] if name not in INPUTS]
    if unknown:
        sys.stderr.write(f"there is no input {unknown[0]!r}; the inputs are {', '.join(map(repr, INPUTS))}\n")
        return 2
    broken = 0
    for name in sys.argv[1:] or INPUTS:
        make, sizes, unit = INPUTS[name]
        costs, peaks = [], []
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                make(Path(folder), size)
                seconds, peak, passages = measured(Path(folder))
            costs.append(seconds / size)
            peaks.append(peak)
            print(
                f"{name}: {size:,} {unit}, {passages:,} passages: {seconds:.1f} s of CPU, peak {peak:.0f} MB",
                flush=True,
            )
        uneven = costs[-1] / costs[0]
        print(f"{name}: a unit of the largest costs {uneven:.2f} of one of the smallest; peak {max(peaks):.0f} MB")
        broken += max(peaks) > MOST_MB or uneven > UNEVEN
    return int(broken > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        sys.exit(main())
