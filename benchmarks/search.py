"""Hybrid search against LanceDB's at 1,000, 20,000 and 200,000 passages: `python -m benchmarks.search [ROWS…]`.

Same rows, same query vectors (given, not computed), LanceDB with a full-text and an IVF-HNSW-SQ index built and its
reciprocal-rank reranker. Rows are drawn from a seed: 80 words from a Zipf vocabulary, vectors around 512 centres.
Recall is of the ten nearest by dense search alone, against an exact scan, on both sides.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
from lancedb.index import FTS, HnswSq
from lancedb.rerankers import RRFReranker
from langchain_core.embeddings import Embeddings

from retrieval import Corpora, Corpus
from retrieval.documents import LoadedDocument
from settings import load_settings

WORDS, VOCABULARY, DIMENSIONS, CENTRES, QUERIES, K = 80, 30_000, 384, 512, 50, 10
Rows = tuple[list[str], Any]


def generate(count: int, seed: int) -> Rows:
    """Return texts and unit vectors (float32, count by 384)."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(CENTRES, DIMENSIONS))
    ranks = np.minimum(rng.zipf(1.2, size=(count, WORDS)), VOCABULARY)
    vectors = centres[rng.integers(0, CENTRES, count)] + rng.normal(scale=0.9, size=(count, DIMENSIONS))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return [" ".join(f"w{rank}" for rank in row) for row in ranks], vectors


class Given(Embeddings):
    """Gives the vectors of the rows as they are ingested, in order."""

    def __init__(self, vectors: Any) -> None:
        self._vectors = iter(vectors)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the next vectors."""
        return [next(self._vectors) for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        """Never asked: query vectors are given."""
        raise AssertionError(text)


def queries(texts: list[str], vectors: Any) -> list[tuple[str, Any]]:
    """Return ten words and a nearby vector for each of some rows."""
    rng = np.random.default_rng(7)
    chosen = rng.integers(0, len(texts), QUERIES)
    near = vectors[chosen] + rng.normal(scale=0.02, size=(QUERIES, DIMENSIONS))
    near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    return [
        (" ".join(dict.fromkeys(texts[row].split()[:14])), vector) for row, vector in zip(chosen, near, strict=True)
    ]


async def ours(corpora: Corpora, name: str, texts: list[str]) -> Corpus:
    """Return a corpus of the rows."""
    corpus = await corpora.create("local", name)
    documents = (
        LoadedDocument(document_id=str(n), title="", source=str(n), text=text, parser="bench", parser_version="1")
        for n, text in enumerate(texts)
    )
    await corpus.ingest(documents)
    return corpus


def theirs(folder: Path, texts: list[str], vectors: Any) -> Any:
    """Return a LanceDB table of the rows with both indexes built."""
    rows = [
        {"id": n, "text": text, "vector": vector} for n, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    table = lancedb.connect(folder).create_table("rows", rows)
    table.create_index("text", config=FTS())
    graph = HnswSq(distance_type="cosine", num_partitions=max(1, len(texts) // 4096))
    table.create_index("vector", config=graph)
    return table


def recall(found: list[list[int]], exact: Any) -> float:
    """Return the mean share of the exact ten nearest that were found."""
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found, exact, strict=True)]))


async def compare(count: int, folder: Path) -> None:
    """Print latency, ratio and recall at one size."""
    texts, vectors = generate(count, seed=count)
    asked = queries(texts, vectors)
    table = theirs(folder / "lance", texts, vectors)
    exact = [np.argsort(-(vectors @ vector))[:K].tolist() for _, vector in asked]
    async with Corpora(load_settings(home=folder), embeddings=Given(vectors)) as corpora:
        corpus = await ours(corpora, f"rows{count}", texts)
        reranker = RRFReranker()

        def lance(text: str, vector: Any) -> list[Any]:
            hybrid = table.search(query_type="hybrid").vector(vector).text(text).rerank(reranker)
            found: list[Any] = hybrid.nprobes(64).limit(K).to_list()
            return found

        mine, other = [], []
        for text, vector in asked + asked:
            began = time.perf_counter()
            await corpus.search(text, k=K, query_vector=vector)
            middle = time.perf_counter()
            lance(text, vector)
            mine.append(middle - began)
            other.append(time.perf_counter() - middle)
        dense = [[int(p.document_id) for p in await corpus.search("", K, "dense", query_vector=v)] for _, v in asked]

    def nearest(vector: Any) -> Any:
        return table.search(vector).distance_type("cosine").nprobes(64).refine_factor(4).limit(K)

    lance_dense = [[row["id"] for row in nearest(vector).to_list()] for _, vector in asked]
    ms, lance_ms = (statistics.median(times[QUERIES:]) * 1000 for times in (mine, other))
    print(f"{count:>8} rows: {ms:.1f} ms against LanceDB's {lance_ms:.1f} ms, ratio {lance_ms / ms:.1f}; ", end="")
    print(f"dense recall@10 {recall(dense, exact):.3f} against {recall(lance_dense, exact):.3f}", flush=True)


def main() -> None:
    """Compare at the sizes of the command line, else at all three."""
    for count in [int(size) for size in sys.argv[1:]] or [1_000, 20_000, 200_000]:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(compare(count, Path(folder)))


if __name__ == "__main__":
    main()
