"""`retrieve`: one branch for each sub-question: passages of different places, then some that stand beside them."""

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
        k = context.k or self._to.passages_per_sub_question
        # Half as many more stand beside them: a chosen share, more context against more noise.
        more = k // 2 if self._to.neighbours else 0
        found = await corpus.search(
            question.text, k=k, mode=self._to.search_mode, where=context.where or None, beside=more
        )
        hits = {
            passage.evidence_id: Hit(evidence_id=passage.evidence_id, sub_question=question.id, scores=passage.scores)
            for passage in found
        }
        # Those that the search itself found come first; neighbours of the best ones fill up.
        for passage in found[: self._to.neighbours]:
            if len(hits) >= k + more:
                break
            for each in await corpus.neighbours(passage):
                if len(hits) < k + more:
                    hits.setdefault(
                        each.evidence_id, Hit(evidence_id=each.evidence_id, sub_question=question.id, neighbour=True)
                    )
        return {"hits": tuple(hits.values())}
