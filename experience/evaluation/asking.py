"""Asks the service, and records what it did: one outcome for each question, in a file that a killed run continues."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experience.batch import BatchOutcome, BatchTask, LocalEngine, RowStatus
from experience.batch.keys import Keys, digest_of
from experience.evaluation.outcomes import FORMAT, Outcome, OutcomeFile, Spot, open_outcomes
from experience.evaluation.questions import Question
from experience.service import ResearchRequest
from experience.verification import verify_report
from retrieval.ranking.retrieving import Mode
from state.channels import ResearchContext
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.service import ResearchService
    from retrieval import Corpus
    from state.values import Passage

DEPTH = 100
"""How many documents of one search are looked at: recall is measured at 10 and 100."""

_PASSAGES = 300
"""How many passages are fetched for them, because several may be of one document. A chosen value."""

MODES: tuple[Mode, ...] = ("hybrid", "keyword", "dense")


class Interview:
    """Asks questions that have no outcome yet. `ask` yields the new outcomes; `outcomes` has all of them."""

    def __init__(
        self,
        service: ResearchService,
        questions: Sequence[Question],
        context: ResearchContext,
        path: Path,
        concurrency: int = 1,
    ) -> None:
        self._service, self._questions, self._context, self._path = service, questions, context, path
        self._engine = LocalEngine(service, concurrency)
        self._keys: dict[str, str] = {}
        self._known: dict[str, Outcome] = {}
        self.spent = False
        """Whether a budget that all questions share is spent, so that no further one was asked."""
        self.stopped = False

    async def ask(self) -> AsyncGenerator[Outcome]:
        """Yield each new outcome after it was recorded.

        Raises:
            BatchMismatch, BatchBusy: the file cannot be used.
            BadInput: the same, or a question follows up on one that is not before it.
            StorageFull: the disk is full.
        """
        corpus = await self._service.corpora.get(self._context.tenant, self._context.corpus)
        keys = Keys(self._service)
        for question in self._questions:
            told = [FORMAT, await keys.of_request(self._request(question), 0)]
            self._keys[question.id] = digest_of([*told, self._key_before(question)] if question.after else told)
        with open_outcomes(self._path) as file:
            self._known = file.known
            async with aclosing(self._engine.run(self._tasks(file))) as ended:
                async for each in ended:
                    self.spent = self.spent or each.ends_job
                    if each.status is RowStatus.STOPPED:
                        self.stopped = True
                        continue
                    outcome = await self._observed(corpus, each)
                    await asyncio.to_thread(file.append, outcome)
                    yield outcome

    def drain(self, reason: str) -> None:
        """Ask no further question and stop the running ones at their next node boundary."""
        self.stopped = True
        self._engine.drain(reason)

    @property
    def progress(self) -> tuple[int, int]:
        """The number of questions with an outcome, and of all questions."""
        return len(self.outcomes), len(self._questions)

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcomes of these questions, by the question's id."""
        return {name: self._known[key] for name, key in self._keys.items() if key in self._known}

    def _request(self, question: Question) -> ResearchRequest:
        return ResearchRequest(question=question.question, context=self._context)

    def _key_before(self, question: Question) -> str:
        if question.after not in self._keys:
            raise BadInput(
                f"the question {question.id!r} follows up on {question.after!r}, which is not before it",
                hint="put that question first; nothing was asked",
            )
        return self._keys[question.after]

    async def _tasks(self, file: OutcomeFile) -> AsyncGenerator[BatchTask]:
        """Yield the questions without an outcome, or with a failure, each once: two lines may ask the same.

        A follow-up waits for the question before it, on whose thread it is asked.
        """
        asked: set[str] = set()
        threads: dict[str, str] = {}
        followed = {question.after for question in self._questions}
        for line, question in enumerate(self._questions, 1):
            key = self._keys[question.id]
            known = file.known.get(key)
            again = known is not None and known.error is not None
            attempt = known.attempt + again if known else 1
            threads[question.id] = threads.get(question.after) or f"e-{file.run[:8]}-{key[:24]}-{attempt}"
            if key in asked or (known is not None and known.error is None):
                continue
            if self.spent or self.stopped:
                return
            asked.add(key)
            # Thread and run are derived: after a kill, the next start finds the run and goes on.
            yield BatchTask(
                key=key,
                line=line,
                attempt=attempt,
                tenant=self._context.tenant,
                thread_id=threads[question.id],
                run_id=str(uuid.uuid5(uuid.UUID(file.run), f"{key}/{attempt}")),
                ordered=bool(question.after) or question.id in followed,
                request=self._request(question).model_copy(update={"thread_id": threads[question.id]}),
            )

    async def _observed(self, corpus: Corpus, ended: BatchOutcome) -> Outcome:
        question = self._questions[ended.line - 1].question
        told: dict[str, Any] = {
            "key": ended.key,
            "question": question,
            "attempt": ended.attempt,
            "error": ended.error,
            "seconds": ended.seconds,
            "started_at": ended.started_at,
        }
        if ended.report is None:
            return Outcome(**told)
        used = await self._service.evidence(self._context.tenant, ended.thread_id)
        ids = dict.fromkeys([*(key for each in used.rounds for key in each), *used.quoted])
        passages = await corpus.passages(ids)
        return Outcome(
            **told,
            report=ended.report,
            found=await self._searched(corpus, question),
            read=tuple(_spots(passages[key] for key in each if key in passages) for each in used.rounds),
            quoted=_spots(passages[key] for key in used.quoted if key in passages),
            exact=(await verify_report(ended.report, corpus)).outcome,
        )

    async def _searched(self, corpus: Corpus, question: str) -> dict[str, tuple[Spot, ...]]:
        # Also without gold: it may be added to the question later, which then is not asked again.
        where = self._context.where or None
        return {mode: _first_documents(await corpus.search(question, _PASSAGES, mode, where)) for mode in MODES}


def _first_documents(passages: Iterable[Passage]) -> tuple[Spot, ...]:
    """Return the best passage of each of the first documents: a document stands where its best passage does."""
    best: dict[str, Passage] = {}
    for passage in passages:
        best.setdefault(passage.document_id, passage)
    return _spots(list(best.values())[:DEPTH])


def _spots(passages: Iterable[Passage]) -> tuple[Spot, ...]:
    return tuple(Spot(document_id=each.document_id, start=each.start, end=each.end) for each in passages)
