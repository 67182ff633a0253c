"""SciFact nDCG@10 of keyword, dense and hybrid search, and what a search takes: `python -m benchmarks.scifact [HOME]`.

The corpus file is ingested as `sixplane ingest` does it, passages and all; a document counts where its best passage
stands.
"""

from __future__ import annotations

import asyncio
import csv
import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import ir_measures

from retrieval import Corpora, Corpus
from settings import load_settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "scifact"


def ndcg(found: list[str], relevant: dict[str, int], depth: int = 10) -> float:
    """Return nDCG at `depth` of one ranking, as `trec_eval` computes it."""
    ranking = {name: float(len(found) - rank) for rank, name in enumerate(found)}
    measure = ir_measures.nDCG @ depth
    return float(ir_measures.calc_aggregate([measure], {"query": relevant}, {"query": ranking})[measure])


def judgements() -> dict[str, dict[str, int]]:
    """Return the graded documents of each test query."""
    found: dict[str, dict[str, int]] = {}
    for row in csv.DictReader((DATA / "qrels.tsv").open(encoding="utf-8"), delimiter="\t"):
        found.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return found


async def quality(corpus: Corpus, mode: str, judged: Mapping[str, dict[str, int]] | None = None) -> float:
    """Return the mean nDCG@10 over the test queries, or over those that are `judged`."""
    texts = {row["_id"]: row["text"] for row in map(json.loads, (DATA / "queries.jsonl").open(encoding="utf-8"))}
    scores = []
    for query, relevant in (judged or judgements()).items():
        passages = await corpus.search(texts[query], 30, mode)  # type: ignore[arg-type]
        scores.append(ndcg(list(dict.fromkeys(item.document_id.rpartition("#")[2] for item in passages)), relevant))
    return sum(scores) / len(scores)


async def milliseconds(corpus: Corpus, queries: int = 100) -> tuple[float, float]:
    """Return median and 95th percentile of hybrid searches for ten passages, the query's embedding included."""
    texts = [row["text"] for row in map(json.loads, (DATA / "queries.jsonl").open(encoding="utf-8"))][: queries + 5]
    times = []
    for text in texts:
        began = time.perf_counter()
        await corpus.search(text, 10)
        times.append((time.perf_counter() - began) * 1000)
    found = statistics.quantiles(times[5:], n=20)  # the first ones open indexes and model
    return statistics.median(times[5:]), found[-1]


async def main(home: Path) -> None:
    """Ingest what is not there yet, and print the figures."""
    async with Corpora(load_settings(home=home)) as corpora:
        corpus = await corpora.create("local", "scifact")
        started = time.perf_counter()
        report = await corpus.ingest(DATA / "corpus.jsonl")
        print(
            f"ingested {report.added}, unchanged {report.unchanged}, {time.perf_counter() - started:.0f} s", flush=True
        )
        for mode in ("keyword", "dense", "hybrid"):
            print(f"{mode} nDCG@10 {await quality(corpus, mode):.4f}", flush=True)
        median, high = await milliseconds(corpus)
        print(f"a hybrid search with its embedding takes {median:.1f} ms (median), {high:.1f} ms (95th percentile)")


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".sixplane/bench")))
