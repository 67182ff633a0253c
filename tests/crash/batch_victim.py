"""A process that runs a batch on the scripted model and may be killed: `python -m tests.crash.batch_victim FOLDER`.

The folder holds `in.jsonl`; it gets `out.jsonl`, the home, the model's call log and, at the end, `summary.json`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.embeddings import DeterministicFakeEmbedding

import experience.service.research as core
from experience.batch import BatchJob, JobOptions, LocalEngine
from experience.service import ResearchService, open_service
from settings import Settings
from state.channels import ResearchContext
from tests.doubles.corpora import StubCorpora, StubCorpus
from tests.doubles.roles import scripted

PRICE = (10, 10)
"""So low that each call costs one micro-dollar, however long its prompt is."""


@asynccontextmanager
async def stubbed_service(home: Path, model: Any, **settings: Any) -> AsyncIterator[ResearchService]:
    """Yield a service on a corpus in memory; all else is real."""
    opened = core.open_collaborators

    @asynccontextmanager
    async def stubbed(given: Settings, **rest: Any) -> Any:
        async with opened(given, **rest) as real:
            corpora = StubCorpora({("local", "default"): StubCorpus("default")})
            yield replace(real, corpora=corpora, database=None)

    core.open_collaborators = stubbed
    try:
        given = Settings(home=home, models={"prices_micro_usd": {"scripted:m": PRICE}}, **settings)
        embeddings = DeterministicFakeEmbedding(size=8)
        async with open_service(given, gateway_models={"scripted:m": model}, embeddings=embeddings) as service:
            yield service
    finally:
        core.open_collaborators = opened


async def main(folder: Path) -> None:
    async with stubbed_service(folder / "home", scripted(log=folder / "calls.jsonl")) as service:
        options = JobOptions(folder / "in.jsonl", folder / "out.jsonl", ResearchContext(model="scripted:m"))
        job = BatchJob(service, LocalEngine(service, 8), options)
        async with aclosing(job.run()) as outcomes:
            async for _ in outcomes:
                pass
        (folder / "summary.json").write_text(job.summary().model_dump_json())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
