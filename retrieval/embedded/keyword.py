"""The keyword index: tantivy with BM25 over the terms of `retrieval.embedded.analyser`, on disk or in memory."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from retrieval.embedded.analyser import Asked, indexed_terms, queried_words, single_characters, stemmers_of
from retrieval.embedded.analyser.terms import CHARACTERS, WORDS
from retrieval.embedded.selection import Selection
from retrieval.subjects import subject_of
from settings.folders import private_folder

_HEAP_BYTES = 50_000_000
"""tantivy's memory before it writes a segment. A chosen value; tantivy requires at least 15 MB per thread."""

_COMPLETED = 20
"""How many terms stand for the beginning or the end of one. A chosen value: six characters are seldom ambiguous."""

_SPARE, _DEEPER, _SHARE, _READ = 1.4, 8, 4, 2_000
"""A filtered search reads `_SPARE` times the hits that the share of the filter asks for, and `_DEEPER` times as many if
they are too few, but never both more than `_READ` and one in `_SHARE` of all. Chosen values: with the first, a filter
that has nothing to do with the words finds enough at once."""

_TERM_HITS = 3
"""How many hits are read in the time that it takes to look for one row by its id. Measured at 1,000 to 200,000 rows."""

_BLANKS, _WHOLE, _STEMMER = "blanks", "raw", "stemmer"


class KeywordIndex:
    """Finds row ids by words. Without a folder, the index is in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=False, fast=True, indexed=True)
        # Frequencies without positions: no query asks for a phrase.
        builder.add_text_field(WORDS, stored=False, tokenizer_name=_BLANKS, index_option="freq")
        builder.add_text_field(CHARACTERS, stored=False, tokenizer_name=_BLANKS, index_option="freq")
        builder.add_text_field(_STEMMER, stored=False, tokenizer_name=_WHOLE, index_option="basic")
        if folder is not None:
            private_folder(folder)
        self._index: Any = (
            tantivy.Index(builder.build(), path=str(folder)) if folder else tantivy.Index(builder.build())
        )
        blanks = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_BLANKS, blanks)

    @property
    def size(self) -> int:
        """The number of rows in the index."""
        return int(self._index.searcher().num_docs)

    def add(self, rows: Iterable[Any]) -> None:
        """Add rows with `id`, `version`, `ordinal`, `title`, `opening`, `heading_path` (JSON) and `text` in one commit.

        `rows` is read twice: which language a document is in is known after its last passage.
        """
        writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for row, stemmer in zip(rows, stemmers_of(rows), strict=True):
            subject = subject_of(row["title"], row["opening"], first=row["ordinal"] == 0)
            text = "\n".join((subject, *json.loads(row["heading_path"]), row["text"]))
            document = tantivy.Document()
            document.add_unsigned("id", row["id"])
            document.add_text(_STEMMER, stemmer)
            document.add_text(WORDS, indexed_terms(text, stemmer))
            if characters := single_characters(text):
                document.add_text(CHARACTERS, characters)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()  # so that no thread changes files after the writer lock is released
        self._index.reload()

    def search(self, query: str, limit: int, only: Selection | None = None) -> dict[int, float]:
        """Return BM25 scores of the best `limit` row ids that contain any word of `query`, with `only` among those."""
        searcher = self._index.searcher()
        if not searcher.num_docs or (only is not None and not len(only)):
            return {}
        # A query is too short to tell its language: its words are stemmed like those of every passage.
        stemmers = [name for name, _ in searcher.terms_with_prefix(_STEMMER, "")]
        asked = Counter(queried_words(query, stemmers))
        words = [part for word, times in asked.items() for part in self._word(searcher, word, times)]
        if not words:
            return {}
        wanted = tantivy.Query.boolean_query(words)
        if only is None:
            return _best(searcher, wanted, limit)
        return _among(searcher, self._index.schema, wanted, limit, only)

    def _word(self, searcher: Any, word: Asked, times: int) -> Iterator[tuple[Any, Any]]:
        """Yield the condition for a word that occurs `times` in a query; none if no row has any of several terms."""
        if len(word.terms) == 1 and not word.prefixes:
            yield tantivy.Occur.Should, self._term(word.field, word.terms[0], float(times))
            return
        counted = {term: searcher.doc_freq(word.field, term) for term in word.terms}
        found = {term: count for term, count in counted.items() if count}
        for begun in word.prefixes if not found else ():
            found.update(searcher.terms_with_prefix(word.field, begun, limit=_COMPLETED))
        if not found:
            return
        # A word that one of two languages stems otherwise is not rarer for it: each of its terms weighs like the
        # commonest, or the few passages in the other language would come first.
        commonest = _rarity(searcher.num_docs, max(found.values()))
        queries = [
            self._term(word.field, term, times * commonest / _rarity(searcher.num_docs, count))
            for term, count in found.items()
        ]
        yield tantivy.Occur.Should, queries[0] if len(queries) == 1 else tantivy.Query.disjunction_max_query(queries)

    def _term(self, field: str, term: str, weight: float) -> Any:
        query = tantivy.Query.term_query(self._index.schema, field, term, "freq")
        return query if weight == 1.0 else tantivy.Query.boost_query(query, weight)


def _best(searcher: Any, wanted: Any, limit: int) -> dict[int, float]:
    """Return the best `limit` row ids with their scores."""
    ids, hits = _hits(searcher, wanted, limit)
    return {row: score for row, (score, _) in zip(ids, hits, strict=True)}


def _among(searcher: Any, schema: Any, wanted: Any, limit: int, only: Selection) -> dict[int, float]:
    """Return the best `limit` of the row ids of `only`."""
    rows = searcher.num_docs
    depth = int(_SPARE * limit * rows / len(only))
    if _TERM_HITS * len(only) <= depth:
        return _best(searcher, _both(wanted, only.condition(partial(_any_row, schema))), limit)
    while depth < max(rows // _SHARE, min(rows + 1, _READ)):
        ids, hits = _hits(searcher, wanted, depth)
        kept = np.flatnonzero(only.has(np.array(ids, dtype=np.int64)))[:limit].tolist()
        if len(kept) == limit or len(hits) < depth:
            return {ids[at]: hits[at][0] for at in kept}
        depth *= _DEEPER
    # tantivy looks each row up and scores every passage that has a word, which takes as long as reading many hits.
    return _best(searcher, _both(wanted, tantivy.Query.term_set_query(schema, "id", only.ids.tolist())), limit)


def _any_row(schema: Any, rows: list[int]) -> Any:
    """Return the condition that a row is one of these: for a few, up to five times as fast as a set of terms."""
    terms = [tantivy.Query.term_query(schema, "id", row, "basic") for row in rows]
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])


def _both(wanted: Any, chosen: Any) -> Any:
    """Return the condition that both hold, with the scores of `wanted`."""
    scoreless = tantivy.Query.const_score_query(chosen, 0.0)
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), (tantivy.Occur.Must, scoreless)])


def _hits(searcher: Any, wanted: Any, limit: int) -> tuple[list[int], list[Any]]:
    """Return the row ids of the best `limit` hits, and the hits."""
    hits = searcher.search(wanted, limit).hits
    return searcher.fast_field_values("id", [address for _, address in hits]) if hits else [], hits


def _rarity(rows: int, count: int) -> float:
    """Return BM25's inverse document frequency."""
    return math.log(1 + (rows - count + 0.5) / (count + 0.5))
