"""The keyword leg against tantivy's own English analyser, on the same passages.

`python -m benchmarks.retrieval.keyword [SET…]` prints nDCG@10 on the public retrieval sets, rows indexed per second and
milliseconds per query, of both in one run.
"""

from __future__ import annotations

import csv
import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tantivy

from benchmarks.scifact import ndcg
from retrieval.embedded.keyword import KeywordIndex
from retrieval.preparation import PreparedDocument, prepare
from settings import load_settings

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SETS = ("scifact", "clapnq_dev", "twowiki_multihop", "musique_100", "limit_small")
DEPTH = 100

Search = Callable[[str, int], dict[int, float]]


class English:
    """tantivy's `en_stem`, with the query's words joined by OR."""

    def __init__(self) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=False, fast=True, indexed=True)
        builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
        self._index = tantivy.Index(builder.build())

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Index rows in one commit."""
        writer = self._index.writer(heap_size=50_000_000, num_threads=1)
        for row in rows:
            document = tantivy.Document(text="\n".join((row["title"], *json.loads(row["heading_path"]), row["text"])))
            document.add_unsigned("id", row["id"])
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(self, query: str, limit: int) -> dict[int, float]:
        """Return the scores of the best rows."""
        searcher = self._index.searcher()
        words = " ".join(re.findall(r"\w+", query.lower()))
        hits = searcher.search(self._index.parse_query(words, ["text"]), limit).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        return {int(row): score for row, (score, _) in zip(ids, hits, strict=True)}  # type: ignore[arg-type]


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the passages of a corpus as ingestion cuts them, as rows of the index with their document's id."""
    rows: list[dict[str, Any]] = []
    for version, document in enumerate(prepare(path, load_settings(), "local", "keyword")):
        assert isinstance(document, PreparedDocument)
        told = {"version": version, "title": document.title, "opening": document.text}
        for ordinal, item in enumerate(document.passages):
            row = {**told, "ordinal": ordinal, "heading_path": json.dumps(item.heading_path)}
            name = document.document_id.rpartition("#")[2]
            rows.append({"id": len(rows), **row, "text": document.text[item.start : item.end], "document": name})
    return rows


def judged(folder: Path) -> list[tuple[str, dict[str, int]]]:
    """Return the queries with the graded documents of each."""
    relevant: dict[str, dict[str, int]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    with (folder / "queries.jsonl").open(encoding="utf-8") as file:
        texts = {row["_id"]: row["text"] for row in map(json.loads, file)}
    return [(texts[query], documents) for query, documents in relevant.items()]


def quality(search: Search, rows: list[dict[str, Any]], asked: list[tuple[str, dict[str, int]]]) -> tuple[float, float]:
    """Return the mean nDCG@10 and the median milliseconds per query."""
    scores, times = [], []
    for query, relevant in asked:
        began = time.perf_counter()
        found = search(query, DEPTH)
        times.append(time.perf_counter() - began)
        scores.append(ndcg(list(dict.fromkeys(rows[row]["document"] for row in found)), relevant))
    return statistics.mean(scores), statistics.median(times) * 1000


def main() -> None:
    """Print a line for each set."""
    for name in sys.argv[1:] or SETS:
        rows, asked = rows_of(DATA / name / "corpus.jsonl"), judged(DATA / name)
        told = []
        for index in (English(), KeywordIndex()):
            began = time.perf_counter()
            index.add(rows)
            speed = len(rows) / (time.perf_counter() - began)
            told.append((*quality(index.search, rows, asked), speed))
        (before, before_ms, before_speed), (after, after_ms, after_speed) = told
        print(
            f"{name}: {len(rows)} passages, nDCG@10 {after:.4f} against {before:.4f}; {after_speed:,.0f} rows/s "
            f"against {before_speed:,.0f}; {after_ms:.2f} ms a query against {before_ms:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    main()
