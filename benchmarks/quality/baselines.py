"""Baselines on the passages that one search for the whole question finds, as many as a run reads for a sub-question.

They show what the graph adds: the three sentences nearest to the question; as many of the nearest sentences as the
report of the graph has words, because a longer text holds more; the best passage whole; and one call of the analyzer's
model with these passages, without a plan, a second round, a writer, a verifier or a reviewer.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from experience.evaluation import Gold, Question
from experience.evaluation.scoring import text_figures
from experience.service import ResearchService
from gateway import CallScope
from nodes.evidence import ranked_items
from nodes.prompts.analyzer import analysis_messages
from retrieval import Corpus
from state.channels import ResearchContext, ResearchState
from state.roles import Analysis, ProposedFinding
from state.sentences import sentences
from state.values import Hit, Passage, Role, Status, SubQuestion

NEAREST = "three nearest sentences"
AS_LONG = "nearest sentences, as long as the report"
PASSAGE = "best passage whole"
ONE_CALL = "one call"
BASELINES = (NEAREST, AS_LONG, PASSAGE, ONE_CALL)

_FEW = 3

Figures = dict[str, float]


@dataclass(frozen=True)
class Baselines:
    """Answers a question in each of these ways."""

    service: ResearchService
    corpus: Corpus
    embeddings: Embeddings
    context: ResearchContext

    async def figures(self, question: Question, gold: Sequence[Gold], words: int) -> dict[str, Figures]:
        """Return the figures of each baseline.

        All but the call answer always, so that their status is `answered`; the one that is as long as the report says
        nothing where the report has no claim.

        Args:
            question: the question.
            gold: what answers it.
            words: the number of words of the claims of the graph's report.
        """
        k = self.service.settings.retrieval.passages_per_sub_question
        found = await self.corpus.search(question.question, k)
        analysis = await self._analysis(question.question, found)
        near = await self._nearest(question.question, found)
        texts = {
            NEAREST: ("\n".join(near[:_FEW]), Status.ANSWERED),
            AS_LONG: ("\n".join(_first(near, words)), Status.ANSWERED if words else Status.ABSTAINED),
            PASSAGE: (found[0].text if found else "", Status.ANSWERED),
            ONE_CALL: ("\n".join(_quoted(each) for each in analysis.findings), _status(analysis)),
        }
        return {name: text_figures(question, gold, text, status) for name, (text, status) in texts.items()}

    async def _nearest(self, question: str, found: Sequence[Passage]) -> list[str]:
        """Return the sentences of `found`, the nearest to the question first."""
        listed = list(dict.fromkeys(each.text[start:end] for each in found for start, end in sentences(each.text)))
        if not listed:
            return []
        asked, *rows = await self.embeddings.aembed_documents([question, *listed])
        matrix, vector = np.asarray(rows), np.asarray(asked)
        cosines = matrix @ vector / (np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector) + 1e-12)
        return [listed[index] for index in np.argsort(-cosines, kind="stable")]

    async def _analysis(self, question: str, found: Sequence[Passage]) -> Analysis:
        state: ResearchState = {
            "question": question,
            "standalone_question": question,
            "sub_questions": (SubQuestion(id="q1", text=question),),
        }
        aliases = {f"E{number}": passage for number, passage in enumerate(found, 1)}
        hits = [Hit(evidence_id=each.evidence_id, sub_question="q1", scores=each.scores) for each in found]
        messages = analysis_messages(state, ranked_items(aliases, hits), 1, 0)
        model = self.service.gateway.chat_model(self._scope()).with_structured_output(Analysis)
        return Analysis.model_validate(await model.ainvoke(messages))

    def _scope(self) -> CallScope:
        gateway, run = self.service.gateway, str(uuid.uuid4())
        return CallScope(
            tenant=self.context.tenant,
            run_id=run,
            thread_id=f"baseline-{run[:8]}",
            task_id="baseline",
            attempt=1,
            role=Role.ANALYZER,
            model=gateway.model_id(Role.ANALYZER, self.context),
            temperature=self.context.temperature,
            max_output_tokens=gateway.output_tokens(Role.ANALYZER, self.context),
        )


def _first(texts: Sequence[str], words: int) -> list[str]:
    """Return the first of `texts` that together have at least as many words."""
    chosen: list[str] = []
    for text in texts:
        if words <= 0:
            break
        chosen.append(text)
        words -= len(text.split())
    return chosen


def _quoted(finding: ProposedFinding) -> str:
    """Return what a finding would show: its longest quote, as the extractive writer does."""
    return max((each.quote for each in finding.quotes), key=len, default=finding.statement)


def _status(analysis: Analysis) -> Status:
    if not analysis.findings:
        return Status.ABSTAINED
    return Status.PARTIAL if analysis.gaps else Status.ANSWERED
