"""The libraries that a search stands on, called directly: tantivy, usearch, and one read of the hits from SQLite.

They search the files of our own index, to the same depth, with the least that is needed to find ten passages: the words
of a query become terms by a split at blanks, and both lists are joined by reciprocal ranks. A filter is done as well as
the libraries allow: usearch cannot filter by row and tantivy is slow at it, so each is asked for as many more as the
filter's share demands; where few rows match, tantivy is asked for one of their ids too, by a condition that is made
beforehand, and the vectors that match lie in memory and are scanned. Which rows match is known beforehand.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from usearch.index import Index

from benchmarks.retrieval.rows import BUCKETS, K, corpus_folder, pieces
from retrieval.embedded.built import read_built
from retrieval.embedded.graphs import open_graph
from retrieval.embedded.keyword import KeywordIndex

_DEPTH, _SPARE, _SCANNED, _IDS = 100, 1.5, 5_000, 3
_WITHIN = {"": BUCKETS, "1 %": 1, "50 %": BUCKETS // 2}
_HITS = """SELECT p.evidence_id, p.text, p.start, p."end", p.metadata, d.document_id, d.title, d.source
           FROM passages p JOIN documents d ON d.version = p.version WHERE p.id IN (SELECT value FROM json_each(?))"""


class Bare:
    """The files of the corpus in `folder`, which has `count` rows of one passage each."""

    def __init__(self, folder: Path, count: int) -> None:
        corpus = corpus_folder(folder)
        built = read_built(corpus)
        graphs = [open_graph(corpus / each.file) for each in built.graphs] if built else []
        self._words = KeywordIndex(next(corpus.glob("keyword-*")))._index  # noqa: SLF001 - the library, not our search of it
        self._database = sqlite3.connect(corpus / "corpus.db", isolation_level=None)
        found = self._database.execute("SELECT p.id, json_extract(p.metadata, '$.bucket') FROM passages p").fetchall()
        ids, buckets = np.array(found, dtype=np.int64).T
        self._matching = {name: ids[_matches(buckets, name)] for name in _WITHIN}
        self._mask = {name: np.isin(np.arange(int(ids.max()) + 1), rows) for name, rows in self._matching.items()}
        self._graphs: list[Any] = graphs or [_graph(count)]
        rare = [name for name, rows in self._matching.items() if len(rows) <= _SCANNED and name]
        self._scanned = {name: self._vectors(self._matching[name]) for name in rare}
        rare = [name for name, rows in self._matching.items() if name and _IDS * len(rows) <= self._deep(name)]
        self._chosen = {name: self._one_of(self._matching[name].tolist()) for name in rare}

    def search(self, text: str, vector: Any, chosen: str) -> list[Any]:
        """Return the rows of ten hits."""
        ranks: dict[int, float] = {}
        for leg in (self._keyword(text, chosen), self._dense(vector, chosen)):
            for rank, row in enumerate(leg):
                ranks[row] = ranks.get(row, 0.0) + 1 / (60 + rank)
        best = sorted(ranks, key=ranks.__getitem__, reverse=True)[:K]
        return self._database.execute(_HITS, (json.dumps(best),)).fetchall()

    def _keyword(self, text: str, chosen: str) -> list[int]:
        searcher, schema = self._words.searcher(), self._words.schema
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "words", word, "freq")) for word in text.split()
        ]
        wanted, depth = tantivy.Query.boolean_query(terms), self._deep(chosen)
        if chosen in self._chosen:
            both = [(tantivy.Occur.Must, wanted), (tantivy.Occur.Must, self._chosen[chosen])]
            wanted, depth = tantivy.Query.boolean_query(both), _DEPTH
        hits = searcher.search(wanted, depth).hits
        return self._kept(np.array(searcher.fast_field_values("id", [place for _, place in hits])), chosen)

    def _one_of(self, rows: list[int]) -> Any:
        terms = [tantivy.Query.term_query(self._words.schema, "id", row, "basic") for row in rows]
        any_of = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        return tantivy.Query.const_score_query(any_of, 0.0)

    def _dense(self, vector: Any, chosen: str) -> list[int]:
        if chosen in self._scanned:
            # Not `@`: OpenBLAS shares that out to threads, which wait for each other for milliseconds.
            scores = np.vecdot(self._scanned[chosen], vector)
            best = np.argsort(-scores)[:_DEPTH]
            return self._matching[chosen][best].tolist()  # type: ignore[no-any-return]
        found = [graph.search(vector, self._deep(chosen)) for graph in self._graphs]
        rows = found[0].keys if len(found) == 1 else _merged(found)
        return self._kept(rows.astype(np.int64), chosen)

    def _deep(self, chosen: str) -> int:
        return int(_DEPTH * BUCKETS / _WITHIN[chosen] * _SPARE) if chosen else _DEPTH

    def _kept(self, rows: Any, chosen: str) -> list[int]:
        return (rows[self._mask[chosen][rows]] if chosen else rows)[:_DEPTH].tolist()  # type: ignore[no-any-return]

    def _vectors(self, rows: Any) -> Any:
        query = "SELECT vector FROM passages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        found = self._database.execute(query, (json.dumps(rows.tolist()),)).fetchall()
        return np.array([np.frombuffer(blob, dtype=np.float32) for (blob,) in found])


def _matches(buckets: Any, name: str) -> Any:
    return buckets == 7 if name == "1 %" else buckets < _WITHIN[name]


def _merged(found: list[Any]) -> Any:
    order = np.argsort(np.concatenate([each.distances for each in found]))
    return np.concatenate([each.keys for each in found])[order]


def _graph(count: int) -> Any:
    """Return a graph of rows that the corpus scans without one."""
    vectors = np.vstack([each for _, _, each in pieces(count, seed=count)])
    graph = Index(ndim=vectors.shape[1], metric="cos")
    graph.add(np.arange(1, count + 1, dtype=np.uint64), vectors)
    return graph
