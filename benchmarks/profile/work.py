"""What is profiled: one kind of work, again and again.

`python -m benchmarks.profile.work NAME FOLDER CODE` works until it is ended. The first times, which import and open
things, do not count; then it prints the median of the milliseconds of ten times, and goes on. CODE is the checkout
whose packages do the work: modules are imported late for its sake, and only names that are old.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "sample"
ROWS, DIMENSIONS, CHARS, AT_ONCE = 20_000, 384, 900, 64
WARM_UP, TIMED = 3, 10
QUESTION = "When did the Falcon start; What does Tariff A cost"


def texts(rows: int) -> list[str]:
    """Return distinct texts of about the size of a passage, cut from the sample handbook."""
    whole = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.md")))
    return [f"{n}. {(whole[n * 97 % len(whole) :] + whole)[:CHARS]}" for n in range(rows)]


async def run(folder: Path) -> AsyncIterator[None]:
    """Ask the same of other passages each time: scripted model, corpora in memory; all else is real."""
    from langchain_core.documents import Document

    from experience.service import ResearchRequest
    from state.channels import ResearchContext
    from tests.crash.batch_victim import stubbed_service
    from tests.doubles.corpora import TEXTS
    from tests.doubles.roles import scripted

    async with stubbed_service(folder, scripted()) as service:
        for number in count(1):
            context = ResearchContext(corpus=f"c{number}", model="scripted:m")
            corpus = await service.corpora.create(context.tenant, context.corpus)
            await corpus.ingest(
                [
                    Document(id=key, page_content=text.replace("project", f"project {number}"))
                    for key, text in TEXTS.items()
                ]
            )
            await service.run(ResearchRequest(question=QUESTION, context=context))
            yield


async def search(folder: Path, rows: int = ROWS) -> AsyncIterator[None]:
    """Search for ten passages by words and a given vector."""
    from langchain_core.documents import Document
    from langchain_core.embeddings import DeterministicFakeEmbedding

    from retrieval import Corpora
    from settings import load_settings

    encoder, given = DeterministicFakeEmbedding(size=DIMENSIONS), texts(rows)
    async with Corpora(load_settings(home=folder), embeddings=encoder) as corpora:
        corpus = await corpora.create("local", "rows")
        await corpus.ingest([Document(page_content=text, id=str(n)) for n, text in enumerate(given)])
        asked = [(" ".join(text.split()[1:11]), encoder.embed_query(text)) for text in given[:: max(1, rows // 100)]]
        for number in count():
            words, vector = asked[number % len(asked)]
            await corpus.search(words, k=10, query_vector=vector)
            yield


async def ingest(folder: Path, encoder: Any = None) -> AsyncIterator[None]:
    """Ingest texts that are new each time, with the encoder that ingestion uses by default."""
    from langchain_core.documents import Document

    from retrieval import Corpora, load_embeddings
    from settings import load_settings

    settings, given = load_settings(home=folder), texts(AT_ONCE)
    async with Corpora(settings, embeddings=encoder or load_embeddings(settings)) as corpora:
        corpus = await corpora.create("local", "texts")
        for number in count():
            await corpus.ingest(
                [Document(page_content=f"{number} {text}", id=f"{number}-{n}") for n, text in enumerate(given)]
            )
            yield


WORK: dict[str, Callable[[Path], AsyncIterator[None]]] = {"run": run, "search": search, "ingest": ingest}


async def main(name: str, folder: Path) -> None:
    """Work until the process is ended; print what a time takes before anybody looks."""
    taken, began = list[float](), time.perf_counter()
    async for _ in WORK[name](folder):
        taken.append((time.perf_counter() - began) * 1000)
        if len(taken) == WARM_UP + TIMED:
            print(statistics.median(taken[WARM_UP:]), flush=True)
        began = time.perf_counter()


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[3])
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
