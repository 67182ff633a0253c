"""LanceDB's side of the search benchmark: one table with a full-text, an IVF-HNSW-SQ and a scalar index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa  # type: ignore[import-untyped]
from lancedb.index import FTS, BTree, HnswSq
from lancedb.rerankers import RRFReranker

from benchmarks.retrieval.hybrid import DEPTH
from benchmarks.retrieval.rows import BUCKETS, FILTERS, K, Piece

_WHERE = {"": None, "1 %": "bucket = 7", "50 %": "bucket < 50"}
_PROBED, _REFINED = 8, 4
"""At 200,000 rows (48 partitions) recall@10 is 0.998 with 2 to 64 probes alike; more only take time. Without
refining it is 0.906."""


def add(folder: Path, piece: Piece) -> None:
    """Add rows to the table in `folder`."""
    first, texts, vectors = piece
    numbers = range(first, first + len(texts))
    rows = pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "text": texts,
            "bucket": pa.array([n % BUCKETS for n in numbers], pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
        }
    )
    database = lancedb.connect(folder / "lance")
    if first:
        database.open_table("rows").add(rows)
    else:
        database.create_table("rows", rows)


def index(folder: Path, count: int) -> None:
    """Build the indexes of a table of `count` rows."""
    table = lancedb.connect(folder / "lance").open_table("rows")
    table.create_index("text", config=FTS())
    table.create_index("bucket", config=BTree())
    table.create_index("vector", config=HnswSq(distance_type="cosine", num_partitions=max(1, count // 4096)))
    table.optimize()


class Lance:
    """Searches the table in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._table: Any = lancedb.connect(folder / "lance").open_table("rows")
        self._reranker = RRFReranker()

    def hybrid(self, text: str, vector: Any, chosen: str) -> list[Any]:
        """Return the ten best rows of both legs, filtered before the search."""
        return self._hybrid(text, vector, chosen, K).to_list()  # type: ignore[no-any-return]

    def deep(self, text: str, vector: Any, chosen: str) -> list[Any]:
        """Return the ten best rows of both legs, each to `DEPTH`: of the others, no Python objects are made."""
        # All columns, as of ten: without the vectors it takes a tenth less, and LanceDB writes a warning to each leg.
        found = self._hybrid(text, vector, chosen, DEPTH).to_arrow()
        return found.slice(0, K).to_pylist()  # type: ignore[no-any-return]

    def dense(self, vector: Any, chosen: str) -> list[int]:
        """Return the ids of the ten nearest rows, searched with the same settings."""
        return [row["id"] for row in self._near(self._table.search(vector), chosen, K).to_list()]

    def words(self, text: str, chosen: str) -> list[int]:
        """Return the ids of the best `DEPTH` rows of the full-text index."""
        asked = self._table.search(text, query_type="fts")
        return _narrowed(asked, chosen, DEPTH).to_arrow()["id"].to_pylist()  # type: ignore[no-any-return]

    def _hybrid(self, text: str, vector: Any, chosen: str, depth: int) -> Any:
        asked = self._table.search(query_type="hybrid").vector(vector).text(text)
        return self._near(asked.rerank(self._reranker), chosen, depth)

    def _near(self, asked: Any, chosen: str, depth: int) -> Any:
        asked = asked.distance_type("cosine").nprobes(_PROBED).refine_factor(_REFINED)
        return _narrowed(asked, chosen, depth)


def _narrowed(asked: Any, chosen: str, depth: int) -> Any:
    where = _WHERE[chosen]
    return asked.limit(depth) if where is None else asked.limit(depth).where(where, prefilter=True)


assert _WHERE.keys() == FILTERS.keys()
