"""Ingestion against the bare encoder on the same texts, in the same run: `python -m benchmarks.ingestion`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from itertools import islice
from pathlib import Path

from langchain_core.documents import Document

from retrieval import Corpora, LocalEmbeddings, load_embeddings
from settings import load_settings

SAMPLE = Path(__file__).resolve().parents[1] / "docs" / "sample"
PASSAGES = 400
CHARS = 900


def texts() -> list[str]:
    """Return distinct texts of about the size of a passage, cut from the sample handbook."""
    whole = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.md")))
    starts = range(0, 10**9, 97)
    return [f"{n}. {(whole[at % len(whole) :] + whole)[:CHARS]}" for n, at in islice(enumerate(starts), PASSAGES)]


async def ingested(home: Path, given: list[str], encoder: object) -> float:
    """Return the seconds that `Corpus.ingest` takes."""
    async with Corpora(load_settings(home=home), embeddings=encoder) as corpora:  # type: ignore[arg-type]
        corpus = await corpora.create("local", "bench")
        began = time.perf_counter()
        report = await corpus.ingest([Document(page_content=text, id=str(n)) for n, text in enumerate(given)])
        if report.passages != PASSAGES:
            raise RuntimeError(f"{report.passages} passages instead of {PASSAGES}")
        return time.perf_counter() - began


def main() -> None:
    """Print passages per second of both, and their ratio."""
    encoder = load_embeddings(load_settings())
    if not isinstance(encoder, LocalEmbeddings):
        raise TypeError("the local encoder is measured")
    given = texts()
    encoder.embed_documents(given[:16])
    began = time.perf_counter()
    encoder.embed_documents(given)
    bare = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        ours = asyncio.run(ingested(Path(folder), given, encoder))
    rates = f"{PASSAGES / ours:.1f} passages/s against {PASSAGES / bare:.1f} of the bare encoder"
    print(f"ingestion: {rates}, ratio {bare / ours:.2f}")


if __name__ == "__main__":
    main()
