"""Growth of the embedded corpus up to a million passages: `python -m benchmarks.retrieval.million [--most ROWS]`.

One corpus grows to 1,000, 10,000, 100,000 and 1,000,000 rows of `benchmarks.retrieval.rows`. It is ingested in pieces,
each in a process of its own, so that an interrupted run goes on where it was, and the peak memory of each is known. At
each size, hybrid search and its two legs are measured (medians of fifty queries, vectors given), recall of the ten
nearest by dense search against an exact scan, and the memory of a process that searches alone. Seconds of building are
of processor time: other work on the machine, and a pause of the process, do not count. `--built` measures nothing but
the searches of a corpus that an earlier run has built.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval.rows import DIMENSIONS, PIECE, QUERIES, K, default_cache, ingest, opened, pieces, recall
from retrieval.embedded.built import read_built
from retrieval.ranking.retrieving import Mode

SEED, STEPS = 1_000_000, (1_000, 10_000, 100_000, 1_000_000)
_LEGS: tuple[Mode, ...] = ("dense", "keyword")
_FOLDER, _LINES = "million-2", "steps.jsonl"


def ends(most: int) -> list[int]:
    """Return the sizes at which a piece of work ends: the steps, and every `PIECE` rows beyond 100,000."""
    return sorted({*(step for step in STEPS if step <= most), *range(PIECE, most + 1, PIECE), most})


def memory() -> dict[str, float]:
    """Return the peak resident memory of this process since `forget_peak`, its share of what is resident now, and what
    of that is not mapped from a file, in MiB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    parts = {name: int(value.split()[0]) / 1024 for name, value in (line.split(":", 1) for line in rollup)}
    return {
        "peak_mib": int(status["VmHWM"].split()[0]) / 1024,
        "pss_mib": parts["Pss"],
        "anonymous_mib": parts["Anonymous"],
    }


def forget_peak() -> float:
    """Begin to measure the peak anew; return what is resident now, in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory()["peak_mib"]


async def grow(folder: Path, start: int, end: int) -> dict[str, Any]:
    """Ingest the rows from `start` to `end`; return the seconds of storing and of indexing."""
    first, texts, vectors = next(pieces(STEPS[-1], SEED, start - start % PIECE))
    at: list[float] = []
    rows_mib = forget_peak()
    async with opened(folder) as (corpus, given):
        chosen = slice(start - first, end - first)
        began = time.process_time()
        await ingest(corpus, given, (start, texts[chosen], vectors[chosen]), lambda _: at.__setitem__(slice(1), _now()))
        ended = time.process_time()
        stored = at[0]
    taken = {"rows_mib": rows_mib, "stored_s": stored - began, "indexed_s": ended - stored}
    return {"did": "grow", "rows": end, **taken, **memory()}


def _now() -> list[float]:
    return [time.process_time()]


async def search(folder: Path, count: int) -> dict[str, Any]:
    """Measure searches of the corpus, which has `count` rows."""
    with np.load(folder / _questions(count)) as asked:
        texts, vectors, exact = [str(each) for each in asked["texts"]], asked["vectors"], asked["exact"]
    before_mib = forget_peak()
    async with opened(folder) as (corpus, _):

        async def once(number: int, mode: Mode = "hybrid") -> float:
            began = time.perf_counter()
            await corpus.search(texts[number], K, mode, query_vector=vectors[number])
            return (time.perf_counter() - began) * 1000

        opening = await once(0)
        cold = [await once(number) for number in range(QUERIES)]
        warm = sorted([await once(number) for _ in range(3) for number in range(QUERIES)])
        legs = {mode: [await once(number, mode) for number in range(QUERIES)] for mode in _LEGS}
        found = [await corpus.search("", K, "dense", query_vector=each) for each in vectors]
        taken = memory()
    nearest = [[int(passage.document_id) for passage in each] for each in found]
    return {
        "did": "search",
        "rows": count,
        "opening_ms": opening,
        "first_ms": statistics.median(cold),
        "median_ms": statistics.median(warm),
        "p95_ms": warm[int(len(warm) * 0.95)],
        **{f"{mode}_ms": statistics.median(each) for mode, each in legs.items()},
        "recall": recall(nearest, exact),
        "before_mib": before_mib,
        **_sizes(folder),
        **taken,
    }


def _questions(count: int) -> str:
    return f"asked-{count}.npz"


async def ask(folder: Path, count: int) -> dict[str, Any]:
    """Write the queries of a corpus of `count` rows with their exact nearest rows."""
    texts, vectors, exact = _asked(count)
    np.savez(folder / _questions(count), texts=np.array(texts), vectors=vectors, exact=exact)
    return {"did": "ask", "rows": count}


def _sizes(folder: Path) -> dict[str, float]:
    corpus = folder / "home" / "corpora" / "local" / "rows"
    built = read_built(corpus)
    graph = sum(each.stat().st_size for each in corpus.glob("vectors-*"))
    words = sum(each.stat().st_size for each in corpus.glob("keyword-*/*"))
    return {
        "database_mib": (corpus / "corpus.db").stat().st_size / 2**20,
        "graphs": len(built.graphs) if built else 0,
        "graph_mib": graph / 2**20,
        "words_mib": words / 2**20,
    }


def _asked(count: int) -> tuple[list[str], Any, Any]:
    """Return words and vectors of queries near to some of the first rows, and the exact ten nearest of `count`."""
    rng = np.random.default_rng(7)
    chosen = rng.integers(0, min(count, 1_000), QUERIES)
    asked, best, ids = np.zeros((QUERIES, DIMENSIONS), np.float32), np.full((QUERIES, K), -2.0), np.zeros((QUERIES, K))
    texts: list[str] = []
    for first, words, every in pieces(STEPS[-1], SEED):
        if first >= count:
            break
        vectors = every[: count - first]
        if not first:
            texts = [" ".join(dict.fromkeys(words[row].split()[:14])) for row in chosen]
            asked = vectors[chosen] + rng.normal(scale=0.02, size=(QUERIES, DIMENSIONS)).astype(np.float32)
            asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        joined = np.hstack([best, asked @ vectors.T])
        numbers = np.hstack([ids, np.broadcast_to(np.arange(first, first + len(vectors)), (QUERIES, len(vectors)))])
        top = np.argpartition(-joined, K, axis=1)[:, :K]
        best, ids = np.take_along_axis(joined, top, 1), np.take_along_axis(numbers, top, 1)
    return texts, asked, ids.astype(np.int64)


def _apart(folder: Path, *work: object) -> dict[str, Any]:
    """Do one piece of work in a process of its own, and note what it measured."""
    given = [sys.executable, "-m", "benchmarks.retrieval.million", "--folder", str(folder), "--work", *map(str, work)]
    line = subprocess.run(given, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    with (folder / _LINES).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line, flush=True)
    found: dict[str, Any] = json.loads(line)
    return found


def measure(folder: Path, count: int) -> None:
    """Measure the searches of the corpus, which has `count` rows, in a process of its own."""
    if not (folder / _questions(count)).is_file():
        _apart(folder, "ask", count)
    _apart(folder, "search", count)


def run(folder: Path, most: int) -> None:
    """Grow the corpus to `most` rows and measure at each step, from where an earlier run ended."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (folder / _LINES).read_text(encoding="utf-8").splitlines() if (folder / _LINES).exists() else []
    known = [json.loads(line) for line in lines]
    done = max((each["rows"] for each in known if each["did"] == "grow"), default=0)
    for end in ends(most):
        if end > done:
            _apart(folder, "grow", done, end)
            done = end
        searched = any(each["did"] == "search" and each["rows"] == end for each in known)
        if done == end and not searched and (end in STEPS or end == most):
            measure(folder, end)


def main() -> None:
    """Grow and measure, or do one piece of that."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval.million")
    parser.add_argument("--most", type=int, default=STEPS[-1])
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--built", action="store_true", help="measure the searches of the `--most` rows that are there")
    given = parser.parse_args()
    if not given.work:
        (measure if given.built else run)(given.cache / _FOLDER, given.most)
        return
    does: dict[str, Callable[..., Any]] = {"grow": grow, "search": search, "ask": ask}
    print(json.dumps(asyncio.run(does[given.work[0]](given.folder, *map(int, given.work[1:])))))


if __name__ == "__main__":
    main()
