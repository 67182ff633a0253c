"""The keyword index: tantivy with English stemming and BM25, on disk or in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tantivy

from settings.folders import private_folder

_WORD = re.compile(r"\w+")
_HEAP_BYTES = 50_000_000
"""tantivy's memory before it writes a segment. A chosen value; tantivy requires at least 15 MB per thread."""


class KeywordIndex:
    """Finds row ids by words. Without a folder, the index is in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=False, fast=True, indexed=True)
        builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
        if folder is not None:
            private_folder(folder)
        self._index: Any = (
            tantivy.Index(builder.build(), path=str(folder)) if folder else tantivy.Index(builder.build())
        )

    @property
    def size(self) -> int:
        """The number of rows in the index."""
        return int(self._index.searcher().num_docs)

    def add(self, rows: Iterable[Any]) -> None:
        """Add rows with `id`, `title`, `heading_path` (JSON) and `text`, in one commit."""
        writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for row in rows:
            text = "\n".join((row["title"], *json.loads(row["heading_path"]), row["text"]))
            document = tantivy.Document(text=text)
            document.add_unsigned("id", row["id"])
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()  # so that no thread changes files after the writer lock is released
        self._index.reload()

    def search(self, query: str, limit: int, only: set[int] | None = None) -> dict[int, float]:
        """Return BM25 scores of the best `limit` row ids that contain any word of `query`."""
        # Words only: the query parser would read `AND`, `-`, quotes and colons as operators.
        words = " ".join(_WORD.findall(query.lower()))
        searcher = self._index.searcher()
        if not words or not searcher.num_docs:
            return {}
        # A filtered search scores every row that has a word, because the filter is applied to the hits.
        depth = searcher.num_docs if only is not None else limit
        hits = searcher.search(self._index.parse_query(words, ["text"]), depth).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits]) if hits else []
        scored = ((int(row), float(score)) for row, (score, _) in zip(ids, hits, strict=True))
        return dict([(row, score) for row, score in scored if only is None or row in only][:limit])
