"""`retrieve`: one branch for each sub-question: passages of different places, then some that stand beside them.

The managed sources of the corpus are asked beside its search. What they return has ids of its own, and is screened,
quoted and verified like any other passage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators, account_of, context_of
from nodes.outcome import SOURCE_FAILED
from retrieval.managed.asking import Answered
from state.channels import ResearchContext, RetrieveInput
from state.errors import CorpusEmpty
from state.values import Event, Hit, SubQuestion


class Retrieve:
    """Searches the corpus for one sub-question. The corpus itself reranks."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: RetrieveInput, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        question = state["sub_question"]
        hits = await self._searched(question, runtime)
        answered, events = await self._asked(question, runtime)
        for each in answered.passages:
            hits.setdefault(each.evidence_id, _hit(each.evidence_id, question, scores=each.scores))
        return {"hits": tuple(hits.values()), "events": events}

    async def _searched(self, question: SubQuestion, runtime: Runtime[ResearchContext]) -> dict[str, Hit]:
        """Return what the search finds, and what stands beside it, by evidence id.

        Raises:
            CorpusEmpty: the corpus has neither documents that the caller may read, nor a managed source.
        """
        context = context_of(runtime)
        corpus = await self._to.corpus(context)
        k = context.k or self._to.passages_per_sub_question
        # Half as many more stand beside them: a chosen share, more context against more noise.
        more = k // 2 if self._to.neighbours else 0
        try:
            found = await corpus.search(
                question.text, k=k, mode=self._to.search_mode, where=context.where or None, beside=more
            )
        except CorpusEmpty:
            if not self._to.sources_of(context):
                raise
            return {}
        hits = {passage.evidence_id: _hit(passage.evidence_id, question, scores=passage.scores) for passage in found}
        # Those that the search itself found come first; neighbours of the best ones fill up.
        for passage in found[: self._to.neighbours]:
            if len(hits) >= k + more:
                break
            for each in await corpus.neighbours(passage):
                if len(hits) < k + more:
                    hits.setdefault(each.evidence_id, _hit(each.evidence_id, question, neighbour=True))
        return hits

    async def _asked(
        self, question: SubQuestion, runtime: Runtime[ResearchContext]
    ) -> tuple[Answered, tuple[Event, ...]]:
        """Ask the managed sources. With a filter on metadata none is asked, since their passages have none."""
        context = context_of(runtime)
        names = self._to.sources_of(context)
        if self._to.sources is None or not names:
            return Answered(), ()
        if context.where:
            detail = f"{question.id}: {', '.join(names)}: the filter needs metadata, which their passages do not have"
            return Answered(), (Event(node="retrieve", kind="source_not_asked", detail=detail),)
        account = account_of(runtime)
        thread = account.thread_id or f"{account.tenant}/{account.run_id}"
        place = (context.tenant, context.corpus)
        answered = await self._to.sources.ask(*place, question.text, thread=thread, audiences=context.audiences)
        return answered, tuple(_told(question, answered))


def _hit(evidence_id: str, question: SubQuestion, **told: Any) -> Hit:
    return Hit(evidence_id=evidence_id, sub_question=question.id, **told)


def _told(question: SubQuestion, answered: Answered) -> Iterator[Event]:
    """Yield an event for each source that failed: message and hint of our errors never contain content."""
    for name, error in sorted(answered.failed.items()):
        told = f"{error.message}; {error.hint}" if error.hint else error.message
        yield Event(node="retrieve", kind=SOURCE_FAILED, detail=f"{question.id}: {name}: {told}")
