"""Evaluates a service on a corpus, from questions to files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from experience.batch.keys import Keys
from experience.evaluation.asking import Interview
from experience.evaluation.gold import Gold, resolved_gold
from experience.evaluation.measures import TITLES
from experience.evaluation.outcomes import Outcome
from experience.evaluation.picture import diagram, drawing
from experience.evaluation.questions import Question
from experience.evaluation.ranking import check_installed
from experience.evaluation.result import Evaluation, evaluated
from experience.files import write_file
from state.channels import ResearchContext
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.service import ResearchService

OUTCOMES, RESULT = "outcomes.jsonl", "evaluation.json"
PICTURE, DIAGRAM = "evaluation.svg", "reliability.svg"


class EvaluationRun:
    """One start of an evaluation. `ask` asks what has no outcome yet; `finish` measures and writes the files.

    Args:
        service: the service that is evaluated.
        questions: the questions.
        context: the options of every question: corpus, model, length and others.
        folder: where the files are; outcomes that are there already are not asked again.
        concurrency: how many questions run at a time.
    """

    def __init__(
        self,
        service: ResearchService,
        questions: Sequence[Question],
        context: ResearchContext,
        folder: Path,
        concurrency: int = 1,
    ) -> None:
        self._service, self._questions, self._context, self._folder = service, questions, context, folder
        self._gold: dict[str, tuple[Gold, ...]] = {}
        self.interview = Interview(service, questions, context, folder / OUTCOMES, concurrency)

    async def ask(self) -> AsyncGenerator[Outcome]:
        """Check the gold, then ask, and yield each new outcome after it was recorded.

        Raises:
            BadInput: gold is not in the corpus, or the folder cannot be written.
            CorpusMissing: there is no such corpus.
            SettingsInvalid: the extra `evaluate`, which gold needs, is not installed.
            BatchMismatch, BatchBusy: the file of outcomes cannot be used.
        """
        if any(question.gold for question in self._questions):
            check_installed()
        corpus = await self._service.corpora.get(self._context.tenant, self._context.corpus)
        self._gold = await resolved_gold(self._questions, corpus)
        await asyncio.to_thread(_make, self._folder)
        async with aclosing(self.interview.ask()) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def finish(self) -> Evaluation:
        """Return the result over all outcomes, and write it beside them as JSON and as a picture."""
        keys = Keys(self._service)
        result = await asyncio.to_thread(
            evaluated,
            self._questions,
            self._gold,
            self.interview.outcomes,
            corpus=self._context.corpus,
            corpus_version=await keys.corpus_version(self._context),
            models=keys.models(self._context),
        )
        await asyncio.to_thread(write_result, result, self._folder)
        return result


async def evaluate(
    service: ResearchService,
    questions: Sequence[Question],
    context: ResearchContext,
    folder: Path,
    *,
    concurrency: int = 1,
) -> Evaluation:
    """Ask `questions` and return what was measured. Raises what `EvaluationRun.ask` does."""
    run = EvaluationRun(service, questions, context, folder, concurrency)
    async with aclosing(run.ask()) as outcomes:
        async for _ in outcomes:
            pass
    return await run.finish()


def write_result(result: Evaluation, folder: Path) -> None:
    """Write `evaluation.json`, `evaluation.svg`, and `reliability.svg` if the reports give probabilities."""
    write_file(folder / RESULT, result.model_dump_json(indent=1).encode() + b"\n", mode=0o600)
    series = {group.name: group.figures for group in result.groups}
    shares = {key: measure.title for key, measure in TITLES.items() if measure.unit == "share"}
    write_file(folder / PICTURE, drawing(shares, series).encode(), mode=0o600)
    if result.reliability is not None:
        write_file(folder / DIAGRAM, diagram({result.corpus: result.reliability.bins}).encode(), mode=0o600)


def read_result(path: Path) -> Evaluation:
    """Return the result in `path`, a file or the folder of an evaluation. Raises `BadInput` if it cannot be read."""
    file = path / RESULT if path.is_dir() else path
    try:
        return Evaluation.model_validate_json(file.read_bytes())
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except ValidationError:
        reason = "is not a result of this version of `sixplane evaluate`"
    raise BadInput(f"{str(file)!r} {reason}", hint=f"give the folder of an earlier evaluation, which holds {RESULT}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"the folder {str(folder)!r} cannot be made: {error.strerror}", hint="choose another folder with `--out`"
        ) from error
