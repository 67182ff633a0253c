"""SciFact nDCG@10 of keyword, dense and hybrid search: `python -m benchmarks.scifact`. One passage per abstract."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

from retrieval import Corpora, Corpus
from retrieval.documents import evidence_id
from retrieval.preparation import PreparedDocument, PreparedPassage
from settings import load_settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "scifact"


def documents(tenant: str, corpus: str) -> Iterator[PreparedDocument]:
    for line in (DATA / "corpus.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        digest = hashlib.sha256(row["text"].encode()).hexdigest()
        span = PreparedPassage(
            evidence_id(tenant, corpus, row["_id"], digest, 0, len(row["text"])), 0, len(row["text"])
        )
        yield PreparedDocument(row["_id"], row["_id"], row["title"], row["text"], digest, (span,))


def ndcg(found: list[str], relevant: dict[str, int], depth: int = 10) -> float:
    gain = sum(relevant.get(name, 0) / math.log2(rank + 2) for rank, name in enumerate(found[:depth]))
    ideal = sorted(relevant.values(), reverse=True)[:depth]
    return gain / sum(value / math.log2(rank + 2) for rank, value in enumerate(ideal))


def judgements() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in csv.DictReader((DATA / "qrels.tsv").open(encoding="utf-8"), delimiter="\t"):
        found.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return found


async def quality(corpus: Corpus, mode: str) -> float:
    texts = {row["_id"]: row["text"] for row in map(json.loads, (DATA / "queries.jsonl").open(encoding="utf-8"))}
    scores = []
    for query, relevant in judgements().items():
        passages = await corpus.search(texts[query], 30, mode)  # type: ignore[arg-type]
        scores.append(ndcg(list(dict.fromkeys(item.document_id for item in passages)), relevant))
    return sum(scores) / len(scores)


async def main() -> None:
    async with Corpora(load_settings(home=Path(".sixplane/bench"))) as corpora:
        corpus = await corpora.create("local", "scifact")
        started = time.perf_counter()
        report = await corpus.ingest(documents("local", "scifact"))
        print(
            f"ingested {report.added}, unchanged {report.unchanged}, {time.perf_counter() - started:.0f} s", flush=True
        )
        for mode in ("keyword", "dense", "hybrid"):
            print(f"{mode} nDCG@10 {await quality(corpus, mode):.4f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
