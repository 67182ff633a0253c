"""Ingestion against the bare encoder on the same texts, and of files that have not changed against a walk over them.

`python -m benchmarks.ingestion`. The bare encoder gets all texts at once, and so sorts them all by length. Of mixed
files (Markdown, HTML, DOCX, PDF) it gets the texts of the passages that ingestion has made of them: its time counts
tokenising and encoding; that of ingestion besides starting the process that parses, parsing, splitting and storing.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from benchmarks.figures import ROUNDS, Figure, show
from benchmarks.retrieval.files import mixed_files
from benchmarks.retrieval.long_ingestion import Stub, small_files
from retrieval import Corpora, Corpus, LocalEmbeddings, load_embeddings
from retrieval.preparation import PreparedDocument, prepare
from retrieval.roots import SourceRoots
from settings import load_settings

SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "sample"
TEXTS: dict[str, tuple[int, Callable[[int], int]]] = {
    "long": (120, lambda _: 900),
    "short": (800, lambda n: 60 + n * 37 % 61),
}
"""How many texts, and how many characters each has."""
MIXED = (28, 6)
"""How many files, and how many sections each has."""

FILES = 5_000
MOST_SECONDS = 3.0


def texts(count: int, chars: Callable[[int], int]) -> list[str]:
    """Return distinct texts, cut from the sample handbook."""
    whole = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.md")))
    return [f"{n}. {(whole[n * 97 % len(whole) :] + whole)[: chars(n)]}" for n in range(count)]


async def ingested(inputs: Any, passages: int, encoder: Embeddings) -> float:
    """Return the seconds that `Corpus.ingest` takes for what has so many passages, in a new corpus."""
    with tempfile.TemporaryDirectory() as home:
        async with Corpora(load_settings(home=Path(home)), embeddings=encoder) as corpora:
            corpus = await corpora.create("local", "bench")
            began = time.perf_counter()
            report = await corpus.ingest(inputs)
            taken = time.perf_counter() - began
    if report.passages != passages:
        raise RuntimeError(f"{report.passages} passages instead of {passages}")
    return taken


def encoded(given: list[str], encoder: LocalEmbeddings) -> float:
    """Return the seconds that the encoder takes by itself."""
    began = time.perf_counter()
    encoder.embed_documents(given)
    return time.perf_counter() - began


def against_the_encoder(kind: str, encoder: LocalEmbeddings) -> Figure:
    """Return passages per second of both, for texts of one kind; who goes first takes turns."""
    given = texts(*TEXTS[kind])
    documents = [Document(page_content=text, id=str(n)) for n, text in enumerate(given)]
    return figure_of(kind, f"{kind} passages", documents, given, encoder)


def of_mixed_files(encoder: LocalEmbeddings) -> Figure:
    """Return passages per second of both, for files of several formats with passages of mixed lengths."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        mixed_files(folder, *MIXED)
        prepared = list(prepare(folder, load_settings(), "local", "bench", roots=SourceRoots()))
        documents = [each for each in prepared if isinstance(each, PreparedDocument)]
        if len(documents) != MIXED[0] or len(prepared) != MIXED[0]:
            raise RuntimeError(f"{len(documents)} of {MIXED[0]} files were read")
        given = [each.embedded_text(passage) for each in documents for passage in each.passages]
        return figure_of("mixed", "files of four formats with passages of mixed lengths", folder, given, encoder)


def figure_of(kind: str, of: str, inputs: Any, given: list[str], encoder: LocalEmbeddings) -> Figure:
    """Return passages per second of an ingestion of `inputs`, and of the encoder on their passages `given`."""
    encoder.embed_documents(given[:32])
    ours, bare = list[float](), list[float]()
    for turn in range(ROUNDS):
        if turn % 2:
            ours.append(asyncio.run(ingested(inputs, len(given), encoder)))
        bare.append(encoded(given, encoder))
        if not turn % 2:
            ours.append(asyncio.run(ingested(inputs, len(given), encoder)))
    return Figure(
        name=f"ingestion.{kind}",
        what=f"ingestion of {of} against the bare encoder",
        unit="passages/s",
        ours=tuple(len(given) / each for each in ours),
        baseline=tuple(len(given) / each for each in bare),
        better="higher",
        target=0.95,
    )


def walked(folder: Path) -> float:
    """Return the seconds of a bare walk that asks for the size and the times of each file."""
    began, waiting, found = time.perf_counter(), [os.fspath(folder)], 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    found += entry.stat().st_size > 0
    if found != FILES:
        raise RuntimeError(f"{found} files instead of {FILES}")
    return time.perf_counter() - began


async def again(corpus: Corpus, folder: Path) -> float:
    """Return the seconds that a further ingestion of the folder takes."""
    began = time.perf_counter()
    report = await corpus.ingest(folder)
    if report.unchanged != FILES:
        raise RuntimeError(f"{report.unchanged} documents instead of {FILES} are unchanged")
    return time.perf_counter() - began


async def of_unchanged_files() -> tuple[list[float], list[float]]:
    """Return the seconds of further ingestions of a folder, and of walks over it; the encoder is a stub."""
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given) / "files"
        small_files(folder, FILES)
        async with Corpora(load_settings(home=Path(given) / "home"), embeddings=Stub()) as corpora:
            corpus = await corpora.create("local", "bench")
            await corpus.ingest(folder)
            await again(corpus, folder)  # it compares the bytes of files that were written just before they were read
            rounds = [(await again(corpus, folder), walked(folder)) for _ in range(ROUNDS)]
    return [ours for ours, _ in rounds], [walk for _, walk in rounds]


def figures() -> Iterator[Figure]:
    """Yield the ratios to the bare encoder and to the walk, and the seconds of a further ingestion."""
    encoder = load_embeddings(load_settings())
    if not isinstance(encoder, LocalEmbeddings):
        raise TypeError("the local encoder is measured")
    for kind in TEXTS:
        yield against_the_encoder(kind, encoder)
    yield of_mixed_files(encoder)
    ours, walks = asyncio.run(of_unchanged_files())
    what = f"ingestion of {FILES:,} files that have not changed"
    yield Figure(name="ingestion.unchanged", what=what, unit="s", ours=tuple(ours), target=MOST_SECONDS)
    what = f"{what} against a bare walk over them"
    yield Figure(name="ingestion.unchanged.walk", what=what, unit="s", ours=tuple(ours), baseline=tuple(walks))


if __name__ == "__main__":
    show(figures())
