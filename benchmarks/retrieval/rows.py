"""Generated passages for the search benchmarks, and their corpora, which are built once and kept.

Rows are drawn from a seed: 80 words from a Zipf vocabulary, vectors around 512 centres, and a `bucket` from 0 to 99.
Words are of letters alone: our analyser takes `w17` for an identifier and looks for its parts too, which LanceDB's does
not. What was built stands in a folder of its layout and size: the corpus, LanceDB's table, and the queries with
their exact nearest rows.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from retrieval import Corpora, Corpus
from retrieval.documents import LoadedDocument
from retrieval.embedded.analyser import ANALYSER
from retrieval.embedded.built import STATE
from retrieval.embedded.graphs import CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH
from retrieval.embedded.vector import EXACT_BELOW
from settings import load_settings

WORDS, VOCABULARY, DIMENSIONS, CENTRES, QUERIES, K = 80, 30_000, 384, 512, 50, 10
LETTERS = "bcdfghjklmnpqrtvwxz"
"""No vowels and no `s`: stemmers leave words of these alone, so both sides index the same terms."""

BUCKETS = 100
FILTERS: dict[str, dict[str, Any] | None] = {"": None, "1 %": {"bucket": 7}, "50 %": {"bucket": {"$lt": 50}}}
_LAYOUT = 1
"""Raise it when the rows change: another layout is another folder."""

_INDEXED = "indexed.txt"

PIECE = 50_000
"""Rows that are generated and ingested at a time."""

Piece = tuple[int, list[str], Any]
"""Number of the first row, texts, and unit vectors (float32, rows by 384)."""


def pieces(count: int, seed: int, start: int = 0) -> Iterator[Piece]:
    """Yield the rows from `start`, a multiple of `PIECE`, in pieces."""
    centres = np.random.default_rng(0).normal(size=(CENTRES, DIMENSIONS)).astype(np.float32)
    vocabulary = [_word(rank) for rank in range(VOCABULARY + 1)]
    for first in range(start, count, PIECE):
        size = min(PIECE, count - first)
        rng = np.random.default_rng((seed, first))
        ranks = np.minimum(rng.zipf(1.2, size=(size, WORDS)), VOCABULARY)
        noise = rng.standard_normal((size, DIMENSIONS), dtype=np.float32) * np.float32(0.9)
        vectors = centres[rng.integers(0, CENTRES, size)] + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        # Row by row: all ranks as numbers of Python would take half a gigabyte.
        yield first, [" ".join([vocabulary[rank] for rank in row.tolist()]) for row in ranks], vectors


def _word(rank: int) -> str:
    letters = "q"
    while rank:
        rank, digit = divmod(rank, len(LETTERS))
        letters += LETTERS[digit]
    return letters


class Given(Embeddings):
    """Gives the vectors of the rows that are ingested, by their texts: rows that are stored already are skipped."""

    def __init__(self) -> None:
        self.coming: dict[str, Any] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of texts."""
        return [self.coming[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Never asked: query vectors are given."""
        raise AssertionError(text)


@dataclass(frozen=True)
class Questions:
    """Words and unit vectors of the queries, and for each filter the exact ten nearest rows of each."""

    texts: list[str]
    vectors: Any
    exact: dict[str, Any]


def built(count: int, cache: Path) -> Path:
    """Return the folder of the corpus of `count` rows with LanceDB's table; build what is missing.

    The index files are made anew from the stored rows where another release made them, which may open them as they are.
    """
    folder = cache / f"search-{_LAYOUT}-{count}"
    if not (folder / "exact.npz").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        asyncio.run(_build(count, folder))
        (folder / _INDEXED).write_text(_formats(), encoding="utf-8")
    if not (folder / _INDEXED).is_file() or (folder / _INDEXED).read_text(encoding="utf-8") != _formats():
        (corpus_folder(folder) / STATE).unlink(missing_ok=True)
        asyncio.run(_index(folder))
        (folder / _INDEXED).write_text(_formats(), encoding="utf-8")
    return folder


def corpus_folder(folder: Path) -> Path:
    """Return the folder of the corpus of what was built."""
    return folder / "home" / "corpora" / "local" / "rows"


async def _index(folder: Path) -> None:
    async with opened(folder) as (corpus, _):
        await corpus.search("any", 1, "keyword")


def _formats() -> str:
    """Return what decides how an index file is built."""
    kind = load_settings().data.vector_numbers
    return f"{ANALYSER}-{kind}-{EXACT_BELOW}-{CONNECTIVITY}-{EXPANSION_ADD}-{EXPANSION_SEARCH}"


def default_cache() -> Path:
    """Return the folder in which corpora are kept if no other is given."""
    return Path(tempfile.gettempdir()) / "sixplane-benchmarks"


async def _build(count: int, folder: Path) -> None:
    from benchmarks.retrieval.lance import add, index

    async with opened(folder) as (corpus, given):
        for piece in pieces(count, seed=count):
            await ingest(corpus, given, piece)
            add(folder, piece)
    index(folder, count)
    _ask(count, folder)


@asynccontextmanager
async def opened(folder: Path) -> Any:
    """Open the corpus in `folder`; yield it and the embeddings that it is built with."""
    given = Given()
    async with Corpora(load_settings(home=folder / "home"), embeddings=given) as corpora:
        yield await corpora.create("local", "rows"), given


async def ingest(corpus: Corpus, given: Given, piece: Piece, progress: Any = None) -> None:
    """Ingest rows as documents of one passage each."""
    first, texts, vectors = piece
    given.coming = dict(zip(texts, vectors, strict=True))
    documents = (
        LoadedDocument(
            document_id=str(n),
            title="",
            source=str(n),
            text=text,
            parser="bench",
            parser_version="1",
            metadata={"bucket": n % BUCKETS},
        )
        for n, text in enumerate(texts, first)
    )
    await corpus.ingest(documents, progress=progress)


def _ask(count: int, folder: Path) -> None:
    """Write ten words and a nearby vector for each of some rows, and the exact ten nearest of each filter."""
    rng = np.random.default_rng(7)
    chosen = np.sort(rng.integers(0, count, QUERIES))
    texts, near = [], []
    for first, words, vectors in pieces(count, seed=count):
        for row in chosen[(chosen >= first) & (chosen < first + len(words))]:
            texts.append(" ".join(dict.fromkeys(words[row - first].split()[:14])))
            near.append(vectors[row - first] + rng.normal(scale=0.02, size=DIMENSIONS))
    asked = np.array(near, dtype=np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    np.savez(folder / "asked.npz", texts=np.array(texts), vectors=asked)
    np.savez(folder / "exact.npz", **{name or "all": rows for name, (_, rows) in exact(count, asked, K).items()})


def exact(count: int, asked: Any, depth: int) -> dict[str, tuple[Any, Any]]:
    """Return for each filter the similarities of the nearest rows of each query, and these, by a scan of all.

    Where fewer than `depth` rows match, similarities of -2 follow.
    """
    shape = (len(asked), depth)
    best = {name: (np.full(shape, -2.0), np.zeros(shape, dtype=np.int64)) for name in FILTERS}
    for first, _, vectors in pieces(count, seed=count):
        scores = asked @ vectors.T
        rows = np.arange(first, first + len(vectors))
        for name, within in (("", rows >= 0), ("1 %", rows % BUCKETS == 7), ("50 %", rows % BUCKETS < 50)):
            known, ids = best[name]
            joined = np.hstack([known, scores[:, within]])
            numbers = np.hstack([ids, np.broadcast_to(rows[within], (len(asked), int(within.sum())))])
            top = np.argsort(-joined, axis=1)[:, :depth]
            best[name] = np.take_along_axis(joined, top, 1), np.take_along_axis(numbers, top, 1)
    return best


def questions(folder: Path) -> Questions:
    """Return the queries of what was built in `folder`."""
    with np.load(folder / "asked.npz") as asked, np.load(folder / "exact.npz") as exact:
        nearest = {name: exact[name or "all"] for name in FILTERS}
        return Questions([str(each) for each in asked["texts"]], asked["vectors"], nearest)


def recall(found: list[list[int]], exact: Any) -> float:
    """Return the mean share of the exact ten nearest that were found."""
    return float(np.mean([len(set(a) & set(b.tolist())) / K for a, b in zip(found, exact, strict=True)]))
