"""`retrieve`: one branch for each sub-question: a search, then the neighbours of the best passages."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators, context_of
from state.channels import ResearchContext, RetrieveInput
from state.values import Hit


class Retrieve:
    """Searches the corpus for one sub-question. The corpus itself reranks."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: RetrieveInput, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        context = context_of(runtime)
        question = state["sub_question"]
        corpus = await self._to.corpus(context)
        found = await corpus.search(
            question.text,
            k=context.k or self._to.passages_per_sub_question,
            mode=self._to.search_mode,
            where=context.where or None,
        )
        hits = {
            passage.evidence_id: Hit(evidence_id=passage.evidence_id, sub_question=question.id, scores=passage.scores)
            for passage in found
        }
        for passage in found[: self._to.neighbours]:
            for beside in await corpus.neighbours(passage):
                hits.setdefault(
                    beside.evidence_id,
                    Hit(evidence_id=beside.evidence_id, sub_question=question.id, neighbour=True),
                )
        return {"hits": tuple(hits.values())}
