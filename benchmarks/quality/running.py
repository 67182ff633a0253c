"""Runs the variants and baselines on one set. Everything is recorded, so that a killed run goes on."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from benchmarks.quality.baselines import BASELINES, Baselines
from benchmarks.quality.sets import PublicSet
from benchmarks.quality.variants import Variant
from benchmarks.quality.vectors import StoredEmbeddings
from benchmarks.shape import PACKAGES
from experience.evaluation import Evaluation, EvaluationRun, Question, Scored
from experience.evaluation.gold import resolved_gold
from experience.service import ResearchService, open_service
from retrieval import load_embeddings, open_corpus
from settings import Settings, load_settings
from state.channels import ResearchContext

ROOT = Path(__file__).resolve().parents[2]
_TELL_SECONDS = 30.0


def code_digest() -> str:
    """Return a digest of the application's code. Outcomes of other code are not taken for this one's."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Bench:
    """One set in one home folder: its corpus, its stored vectors, and the outcomes of this code.

    Args:
        chosen: the set.
        home: the folder that holds a home for each set.
        concurrency: how many questions run at a time.
    """

    def __init__(self, chosen: PublicSet, home: Path, concurrency: int) -> None:
        self._set, self._home, self._concurrency = chosen, home / chosen.name, concurrency
        self._folder = self._home / "quality" / code_digest()
        self._folder.mkdir(parents=True, exist_ok=True)

    async def ingest(self) -> None:
        """Ingest the documents that are not in the corpus yet."""
        async with open_corpus(self._settings(Variant("", "")), self._set.name, embeddings=None) as corpus:
            report = await corpus.ingest(self._set.documents)
        say(f"{self._set.name}: {report.added} documents ingested, {report.unchanged} were there")

    async def evaluated(self, variant: Variant, questions: Sequence[Question]) -> Evaluation:
        """Ask `questions` of the graph in this variant, except those that were asked."""
        async with self._service(variant, reads=bool(variant.switch)) as (service, _):
            context = ResearchContext(corpus=self._set.name, **variant.context)
            run = EvaluationRun(service, questions, context, self._folder / variant.name, self._concurrency)
            told = time.monotonic()
            async with aclosing(run.ask()) as outcomes:
                async for _ in outcomes:
                    if time.monotonic() - told > _TELL_SECONDS:
                        told = time.monotonic()
                        say(f"{self._set.name}, {variant.title}: {'/'.join(map(str, run.interview.progress))}")
            result = await run.finish()
        if result.failed or result.asked < result.questions:
            sys.exit(f"{self._set.name}, {variant.title}: {result.asked} of {result.questions}, {result.failed}")
        return result

    async def baselines(self, questions: Sequence[Question], whole: Evaluation) -> dict[str, tuple[Scored, ...]]:
        """Return the figures of each baseline by question. Their texts are embedded once, so a new start is quick."""
        words = whole.values("words")
        found: dict[str, list[Scored]] = {name: [] for name in BASELINES}
        async with self._service(Variant("", ""), reads=True) as (service, embeddings):
            context = ResearchContext(corpus=self._set.name)
            corpus = await service.corpora.get(context.tenant, context.corpus)
            gold = await resolved_gold(questions, corpus)
            baselines = Baselines(service, corpus, embeddings, context)
            told = time.monotonic()
            for number, question in enumerate(questions):
                if time.monotonic() - told > _TELL_SECONDS:
                    told = time.monotonic()
                    say(f"{self._set.name}, baselines: {number}/{len(questions)}")
                length = int(words.get(question.id, 0))
                for name, figures in (await baselines.figures(question, gold[question.id], length)).items():
                    found[name].append(Scored(id=question.id, group=question.group, figures=figures))
        return {name: tuple(scored) for name, scored in found.items()}

    def _settings(self, variant: Variant) -> Settings:
        return load_settings(home=self._home, telemetry={"jsonl": False}, audit={"enabled": False}, **variant.settings)

    @asynccontextmanager
    async def _service(
        self, variant: Variant, *, reads: bool
    ) -> AsyncIterator[tuple[ResearchService, StoredEmbeddings]]:
        settings = self._settings(variant)
        embeddings = StoredEmbeddings(load_embeddings(settings), self._home / "vectors.db", reads=reads)
        try:
            async with open_service(settings, embeddings=embeddings) as service:
                yield service, embeddings
        finally:
            embeddings.close()


def say(text: str) -> None:
    """Tell the progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
