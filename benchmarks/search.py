"""Hybrid search against its libraries and LanceDB's at several sizes: `python -m benchmarks.search [ROWS…]`.

Same rows, same query vectors (given, not computed), and the same run: one query after the other, asked of all three in
turn, each first a third of the time. The libraries alone are tantivy, usearch and one read of the hits from SQLite
(`benchmarks.retrieval.bare`). LanceDB has a full-text, an IVF-HNSW-SQ and a scalar index, its reciprocal-rank reranker,
and in the timed query the `refine_factor` that its recall is measured with. Recall is of the ten nearest by dense
search alone, against an exact scan. What is built is kept: `--cache FOLDER`, else in the temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.retrieval.bare import Bare
from benchmarks.retrieval.lance import Lance
from benchmarks.retrieval.rows import FILTERS, K, Questions, built, default_cache, opened, questions, recall
from retrieval import Corpus

SIZES = (1_000, 20_000)
ROUNDS = 3

Search = Callable[[str, Any, str], Awaitable[Any]]


async def timed(asked: Questions, chosen: str, sides: dict[str, Search]) -> dict[str, list[float]]:
    """Return the seconds of each query by side, without those of the first round, which warms up."""
    names, found = [*sides], {name: list[float]() for name in sides}
    for number in range(ROUNDS):
        for at, (text, vector) in enumerate(zip(asked.texts, asked.vectors, strict=True)):
            for name in names[at % len(names) :] + names[: at % len(names)]:
                began = time.perf_counter()
                await sides[name](text, vector, chosen)
                if number:
                    found[name].append(time.perf_counter() - began)
    return found


async def compare(count: int, folder: Path) -> None:
    """Print latencies, ratios and recall at one size, for each filter."""
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

        for chosen in FILTERS:
            found = await timed(asked, chosen, {"ours": ours, "bare": bare, "lance": theirs})
            ms = {name: statistics.median(each) * 1000 for name, each in found.items()}
            dense = recall(await _dense(corpus, asked, chosen), asked.exact[chosen])
            lance_dense = recall([lance.dense(each, chosen) for each in asked.vectors], asked.exact[chosen])
            print(
                f"{count:>8} rows{', filter of ' + chosen if chosen else '':15}: {ms['ours']:.2f} ms, bare "
                f"{ms['bare']:.2f} ms, ratio {ms['ours'] / ms['bare']:.2f}; LanceDB {ms['lance']:.2f} ms, "
                f"{ms['lance'] / ms['ours']:.1f} times; dense recall@10 {dense:.3f} against {lance_dense:.3f}",
                flush=True,
            )


async def _dense(corpus: Corpus, asked: Questions, chosen: str) -> list[list[int]]:
    where = FILTERS[chosen]
    found = [await corpus.search("", K, "dense", where, query_vector=each) for each in asked.vectors]
    return [[int(passage.document_id) for passage in each] for each in found]


def main() -> None:
    """Compare at the sizes of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search")
    parser.add_argument("rows", nargs="*", type=int, default=SIZES)
    parser.add_argument("--cache", type=Path, default=default_cache())
    given = parser.parse_args()
    for count in given.rows:
        asyncio.run(compare(count, built(count, given.cache)))


if __name__ == "__main__":
    main()
