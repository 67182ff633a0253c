"""Ingestion against the bare encoder on the same texts, and ingesting a folder again that has not changed."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from benchmarks.figures import ROUNDS, Figure, show
from retrieval import Corpora, LocalEmbeddings, load_embeddings
from settings import load_settings

SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "sample"
SIZES = {"long": (240, 900), "short": (480, 150)}
"""How many passages, and their characters."""

FILES = 5_000


def texts(count: int, characters: int) -> list[str]:
    """Return distinct texts, cut from the sample handbook."""
    whole = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.md")))
    starts = range(0, 10**9, 97)
    return [f"{n}. {(whole[at % len(whole) :] + whole)[:characters]}" for n, at in islice(enumerate(starts), count)]


async def ingested(given: list[str], encoder: LocalEmbeddings) -> float:
    """Return the seconds that `Corpus.ingest` takes, into a new home."""
    with tempfile.TemporaryDirectory() as home:
        async with Corpora(load_settings(home=Path(home)), embeddings=encoder) as corpora:
            corpus = await corpora.create("local", "bench")
            began = time.perf_counter()
            report = await corpus.ingest([Document(page_content=text, id=str(n)) for n, text in enumerate(given)])
            if report.passages != len(given):
                raise RuntimeError(f"{report.passages} passages instead of {len(given)}")
            return time.perf_counter() - began


def encoded(given: list[str], encoder: LocalEmbeddings) -> float:
    """Return the seconds that the encoder alone takes."""
    began = time.perf_counter()
    encoder.embed_documents(given)
    return time.perf_counter() - began


def against_the_encoder(kind: str, encoder: LocalEmbeddings) -> Figure:
    """Return passages a second of ingestion against those of the bare encoder; they take turns to go first."""
    count, characters = SIZES[kind]
    given = texts(count, characters)
    encoder.embed_documents(given[:32])
    ours, bare = [], []
    for number in range(ROUNDS):
        if number % 2:
            bare.append(count / encoded(given, encoder))
        ours.append(count / asyncio.run(ingested(given, encoder)))
        if not number % 2:
            bare.append(count / encoded(given, encoder))
    return Figure(
        name=f"ingestion.{kind}",
        what=f"ingestion of {count} passages of {characters} characters against the bare encoder",
        unit="passages/s",
        ours=ours,
        baseline=bare,
        better="higher",
        target=0.95,
    )


async def again(folder: Path) -> list[float]:
    """Return the seconds of ingesting unchanged files again, with an encoder that costs nothing."""
    for number, text in enumerate(texts(FILES, 200)):
        place = folder / "files" / f"{number // 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.md").write_text(f"# Note {number}\n\n{text}\n", encoding="utf-8")
    encoder = DeterministicFakeEmbedding(size=384)
    taken = []
    async with Corpora(load_settings(home=folder / "home"), embeddings=encoder) as corpora:
        corpus = await corpora.create("local", "files")
        await corpus.ingest(folder / "files")
        for _ in range(ROUNDS):
            began = time.perf_counter()
            report = await corpus.ingest(folder / "files")
            taken.append(time.perf_counter() - began)
            if report.unchanged != FILES:
                raise RuntimeError(f"{report.unchanged} of {FILES} files were unchanged")
    return taken


def figures() -> Iterator[Figure]:
    """Yield both ratios, and the time for the unchanged folder."""
    encoder = load_embeddings(load_settings())
    if not isinstance(encoder, LocalEmbeddings):
        raise TypeError("the local encoder is measured")
    for kind in SIZES:
        yield against_the_encoder(kind, encoder)
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(again(Path(folder)))
    what = f"ingesting {FILES:,} unchanged files again"
    yield Figure(name="ingestion.unchanged", what=what, unit="s", ours=taken, target=3)


if __name__ == "__main__":
    show(figures())
