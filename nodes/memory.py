"""Memory across threads: answered reports of the tenant, recalled as prior work and never cited as evidence.

A known principal recalls only its own reports: reports of others may rest on passages that it may not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from langchain_core.documents import Document
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from nodes.collaborators import Collaborators, context_of
from retrieval import Corpora
from state.channels import ResearchContext
from state.errors import CorpusEmpty, CorpusMissing, DependencyUnavailable, EmbeddingMismatch
from state.report import Report
from state.values import Event, Status

MEMORY_CORPUS = "memory.reports"
"""Name of the reserved corpus of each tenant, which indexes the questions of answered reports."""

NAMESPACE = "reports"
RECALLED = 3
"""Number of earlier reports recalled at most. A chosen value: they compete with evidence for the prompt."""

MIN_SIMILARITY = 0.55
"""Minimum cosine similarity of two questions for an earlier report to count as prior work. A chosen value."""


class PriorWork:
    """Keeps reports in the `BaseStore`, under the tenant, and finds them by the reserved corpus.

    The corpus is needed because the SQLite store's own search ignores the query unless an extension is installed.
    """

    def __init__(self, collaborators: Collaborators, *, enabled: bool = True) -> None:
        self._to = collaborators
        self._enabled = enabled

    async def recall(self, runtime: Runtime[ResearchContext], question: str) -> tuple[list[str], list[Event]]:
        """Return similar earlier questions with their answers, best first. An outage is an event, not a failure."""
        if runtime.store is None or not self._enabled:
            return [], []
        tenant, principal = context_of(runtime).tenant, context_of(runtime).principal
        try:
            corpus = await self._to.corpora.get(tenant, MEMORY_CORPUS)
            mine = {"principal": principal} if principal else None
            near = await corpus.search(question, k=RECALLED, mode="dense", where=mine)
        except (CorpusMissing, CorpusEmpty):
            return [], []
        except (DependencyUnavailable, EmbeddingMismatch) as error:
            return [], [Event(node="researcher", kind="memory_unavailable", detail=error.code)]
        keys = [hit.metadata["run_id"] for hit in near if (hit.scores.dense or 0.0) >= MIN_SIMILARITY]
        items = [await runtime.store.aget((tenant, NAMESPACE), key) for key in keys]
        prior = [f"{item.value['question']} {item.value['summary']}" for item in items if item is not None]
        return prior, [Event(node="researcher", kind="prior_work_recalled", detail=str(len(prior)))] if prior else []

    async def remember(self, runtime: Runtime[ResearchContext], report: Report, summary: str) -> list[Event]:
        """Store an answered report. An outage is an event, not a failure."""
        if runtime.store is None or not self._enabled or report.status is not Status.ANSWERED:
            return []
        tenant, principal = context_of(runtime).tenant, context_of(runtime).principal
        value = {"question": report.question, "summary": summary, "report": report.model_dump(mode="json")}
        try:
            await runtime.store.aput((tenant, NAMESPACE), report.run_id, value)
            corpus = await self._to.corpora.create(tenant, MEMORY_CORPUS)
            await corpus.ingest([_entry(report, principal)])
        except (DependencyUnavailable, EmbeddingMismatch) as error:
            return [Event(node="publish", kind="memory_unavailable", detail=error.code)]
        return []


async def forget(corpora: Corpora, store: BaseStore | None, tenant: str, run_ids: Sequence[str]) -> None:
    """Delete the remembered reports of `run_ids`."""
    if store is None or not run_ids:
        return
    for run_id in run_ids:
        await store.adelete((tenant, NAMESPACE), run_id)
    with suppress(CorpusMissing):
        corpus = await corpora.get(tenant, MEMORY_CORPUS)
        await corpus.vector_store.adelete(list(run_ids))
        await corpus.prune()


def _entry(report: Report, principal: str) -> Document:
    return Document(
        page_content=report.question,
        id=report.run_id,
        metadata={
            "source": f"report:{report.run_id}",
            "title": "Earlier report",
            "run_id": report.run_id,
            "principal": principal,
        },
    )
