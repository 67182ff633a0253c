"""A process that runs a batch on the scripted model and may be killed.

`python -m tests.crash.batch_victim FOLDER [ENGINE [CONCURRENCY]]`, where the engine is `local` or `ray`. The folder
holds `in.jsonl`; it gets `out.jsonl`, the home, the model's call log and, at the end, `summary.json`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.embeddings import DeterministicFakeEmbedding

import experience.service.research as core
from experience.batch import BatchJob, Engine, JobOptions, LocalEngine
from experience.service import ResearchService, open_service
from gateway import Answer
from settings import Settings
from state.channels import ResearchContext
from state.evidence_block import EvidenceItem
from tests.doubles.corpora import StubCorpora, StubCorpus
from tests.doubles.roles import Fields, scripted, write

PRICE = (10, 10)
"""So low that each call costs one micro-dollar, however long its prompt is."""

HELD = "number 2"
"""How the question ends at which a worker of Ray waits until it is killed."""

UNLIMITED = {"limits": {"preset": "none"}}
"""Without limits of any model, an engine of several processes starts none to hold them."""


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
        models = {"prices_micro_usd": {"scripted:m": PRICE}, **settings.pop("models", {})}
        given = Settings(home=home, models=models, **settings)
        embeddings = DeterministicFakeEmbedding(size=8)
        async with open_service(given, gateway_models={"scripted:m": model}, embeddings=embeddings) as service:
            yield service
    finally:
        core.open_collaborators = opened


def engine_of(name: str, service: ResearchService, concurrency: int, home: Path, model: Any, **settings: Any) -> Engine:
    """Return an engine that asks the same stubbed service; that of Ray has two workers."""
    if name == "local":
        return LocalEngine(service, concurrency)
    from experience.batch.on_ray import RayEngine

    return RayEngine(service, concurrency, 2, partial(_again, home, model, settings))


def _again(home: Path, model: Any, settings: dict[str, Any], _: Settings) -> Any:
    return stubbed_service(home, model, **settings)


def held(folder: Path, fields: Fields, evidence: list[EvidenceItem]) -> Any:
    """Write the draft; for one question, the first time, write the process's id and wait until that is killed."""
    if not fields["question"].endswith(HELD) or (folder / "held").exists():
        return write(fields, evidence)
    (folder / "held").write_text(str(os.getpid()))
    return Answer(write(fields, evidence), delay=3600.0)


async def main(folder: Path, engine: str = "local", concurrency: int = 8) -> None:
    home, log = folder / "home", folder / "calls.jsonl"
    model = scripted(log=log, **({"WrittenDraft": partial(held, folder)} if engine == "ray" else {}))
    async with stubbed_service(home, model, **UNLIMITED) as service:
        options = JobOptions(folder / "in.jsonl", folder / "out.jsonl", ResearchContext(model="scripted:m"))
        job = BatchJob(service, engine_of(engine, service, concurrency, home, model, **UNLIMITED), options)
        async with aclosing(job.run()) as outcomes:
            async for _ in outcomes:
                pass
        (folder / "summary.json").write_text(job.summary().model_dump_json())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:])))
