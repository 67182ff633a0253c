"""Hybrid search against its libraries and LanceDB's at several sizes: `python -m benchmarks.search [ROWS…]`.

Same rows, same query vectors (given, not computed), and the same run: one query after the other, asked of all in
turn, each first equally often. The libraries alone are tantivy, usearch and one read of the hits from SQLite
(`benchmarks.retrieval.bare`). LanceDB has a full-text, an IVF-HNSW-SQ and a scalar index, its reciprocal-rank reranker,
and in the timed query the `refine_factor` that its recall is measured with. It is asked for ten rows, which searches
each of its legs to a depth of ten (`lancedb`), and for the 100 that our legs go to, cut to ten (`lancedb-depth`). Dense
recall is of the ten nearest by dense search alone, against an exact scan; that of the hybrid list stands in
`benchmarks.retrieval.hybrid`. What is built is kept: `--cache FOLDER`, else in the temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import ROUNDS, Figure, show
from benchmarks.retrieval.bare import Bare
from benchmarks.retrieval.hybrid import DEPTH, hybrid_recall, nearest, reciprocal
from benchmarks.retrieval.lance import Lance
from benchmarks.retrieval.rows import FILTERS, K, Questions, built, default_cache, opened, questions, recall
from retrieval import Corpus
from retrieval.ranking.fusion import min_max

SIZES = (1_000, 20_000, 200_000)
WARM_UP = 1

Search = Callable[[str, Any, str], Awaitable[Any]]


async def timed(asked: Questions, chosen: str, sides: dict[str, Search]) -> dict[str, list[float]]:
    """Return the median milliseconds of a query in each round, by side."""
    names, found = [*sides], {name: list[float]() for name in sides}
    for number in range(WARM_UP + ROUNDS):
        times = {name: list[float]() for name in names}
        for at, (text, vector) in enumerate(zip(asked.texts, asked.vectors, strict=True)):
            for name in names[at % len(names) :] + names[: at % len(names)]:
                began = time.perf_counter()
                await sides[name](text, vector, chosen)
                times[name].append((time.perf_counter() - began) * 1000)
        if number >= WARM_UP:
            for name in names:
                found[name].append(statistics.median(times[name]))
    return found


async def compare(count: int, folder: Path) -> AsyncIterator[Figure]:
    """Yield the ratios at one size, for each filter."""
    asked, lance = questions(folder), Lance(folder)
    async with opened(folder) as (corpus, _):

        async def ours(text: str, vector: Any, chosen: str) -> Any:
            return await corpus.search(text, k=K, query_vector=vector, where=FILTERS[chosen])

        await ours(asked.texts[0], asked.vectors[0], "")  # it builds the index files if they are missing
        alone = Bare(folder, count)

        async def bare(text: str, vector: Any, chosen: str) -> Any:
            return alone.search(text, vector, chosen)

        async def theirs(text: str, vector: Any, chosen: str) -> Any:
            return lance.hybrid(text, vector, chosen)

        async def deep(text: str, vector: Any, chosen: str) -> Any:
            return lance.deep(text, vector, chosen)

        exact = nearest(count, folder, asked)
        for chosen in FILTERS:
            found = await timed(asked, chosen, {"ours": ours, "bare": bare, "lance": theirs, "deep": deep})
            recalls = {
                "dense": recall(await _dense(corpus, asked, chosen), asked.exact[chosen]),
                "lance dense": recall([lance.dense(each, chosen) for each in asked.vectors], asked.exact[chosen]),
                "ours": await _our_recall(corpus, asked, chosen, exact[chosen]),
                **_their_recalls(lance, asked, chosen, exact[chosen]),
            }
            for each in _ratios(count, chosen, found, recalls):
                yield each


def _ratios(count: int, chosen: str, found: dict[str, list[float]], recalls: dict[str, float]) -> Iterator[Figure]:
    name = f"search.{count}" + (f".filter-{chosen.split()[0]}" if chosen else "")
    what = f"hybrid search of {count:,} passages" + (f", of which a filter matches {chosen}" if chosen else "")
    ours = tuple(found["ours"])
    yield Figure(
        name=f"{name}.bare",
        what=f"{what}, against its libraries called directly",
        unit="ms",
        ours=ours,
        baseline=tuple(found["bare"]),
        target=2.0,
    )
    told = {
        "lance": f"dense recall@10 {recalls['dense']:.3f} against {recalls['lance dense']:.3f}, hybrid",
        "deep": f"both to a depth of {DEPTH}; hybrid recall@10",
    }
    for side, recalled in told.items():
        yield Figure(
            name=f"{name}.lancedb" + ("-depth" if side == "deep" else ""),
            what=f"{what}, times faster than LanceDB's; {recalled} {recalls['ours']:.3f} against {recalls[side]:.3f}",
            unit="ms",
            ours=ours,
            baseline=tuple(found[side]),
            better="higher",
            inverse=True,
            target=4.0,
        )


async def _our_recall(corpus: Corpus, asked: Questions, chosen: str, exact: list[dict[int, float]]) -> float:
    where, found, fused = FILTERS[chosen], list[list[int]](), list[dict[int, float]]()
    for text, vector, near in zip(asked.texts, asked.vectors, exact, strict=True):
        hits = await corpus.search(text, K, where=where, query_vector=vector)
        words = await corpus.search(text, DEPTH, "keyword", where)
        found.append([int(each.document_id) for each in hits])
        fused.append(min_max([{int(each.document_id): each.scores.keyword or 0.0 for each in words}, near]))
    return hybrid_recall(found, fused)


def _their_recalls(lance: Lance, asked: Questions, chosen: str, exact: list[dict[int, float]]) -> dict[str, float]:
    questions = list(zip(asked.texts, asked.vectors, strict=True))
    fused = [reciprocal([lance.words(text, chosen), near]) for text, near in zip(asked.texts, exact, strict=True)]
    found = {
        side: [search(*each, chosen) for each in questions]
        for side, search in (("lance", lance.hybrid), ("deep", lance.deep))
    }
    return {side: hybrid_recall([[row["id"] for row in rows] for rows in each], fused) for side, each in found.items()}


async def _dense(corpus: Corpus, asked: Questions, chosen: str) -> list[list[int]]:
    where = FILTERS[chosen]
    found = [await corpus.search("", K, "dense", where, query_vector=each) for each in asked.vectors]
    return [[int(passage.document_id) for passage in each] for each in found]


def figures(sizes: Sequence[int] = SIZES, cache: Path | None = None) -> Iterator[Figure]:
    """Yield the ratios at each size."""
    with asyncio.Runner() as runner:
        for count in sizes:
            # `built` runs a loop of its own, so it stands outside of the runner's.
            coming = compare(count, built(count, cache or default_cache()))
            while (figure := runner.run(anext(coming, None))) is not None:
                yield figure


def main() -> None:
    """Compare at the sizes of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search")
    parser.add_argument("rows", nargs="*", type=int, default=SIZES)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    show(figures(given.rows, given.cache))


if __name__ == "__main__":
    main()
