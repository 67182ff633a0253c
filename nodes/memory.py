"""Memory across threads: answered reports of the tenant, recalled as prior work and never cited as evidence.

A caller recalls only its own reports, and of them only those whose evidence it may still read. Only an operator recalls
all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from langchain_core.documents import Document
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from nodes.collaborators import Collaborators, context_of
from policy import Action, Stage
from retrieval import Corpora
from settings import MEMORY_CORPUS
from state.channels import ResearchContext
from state.errors import (
    ContentRefused,
    CorpusEmpty,
    CorpusMissing,
    DependencyUnavailable,
    EmbeddingMismatch,
    ModelOutputInvalid,
    PromptTooLong,
)
from state.report import Report
from state.values import Event, Status

NAMESPACE = "reports"
RECALLED = 3
"""Number of earlier reports recalled at most. A chosen value: they compete with evidence for the prompt."""

AT_ONCE = 100
"""How many remembered reports are read at once. A chosen value: it bounds the memory that they take."""

MIN_SIMILARITY = 0.55
"""Minimum cosine similarity of two questions for an earlier report to count as prior work. A chosen value."""

_OUTAGES = (DependencyUnavailable, EmbeddingMismatch, ContentRefused, ModelOutputInvalid, PromptTooLong)
"""Errors of the store and of embeddings, without which a run goes on: memory is no condition for an answer."""


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
        context = context_of(runtime)
        tenant, principal, limited = context.tenant, context.principal, context.audiences is not None
        try:
            corpus = await self._to.corpora.known(tenant, MEMORY_CORPUS)
            mine = {"principal": principal} if principal or limited else None
            near = await corpus.search(question, k=RECALLED, mode="dense", where=mine)
        except (CorpusMissing, CorpusEmpty):
            return [], []
        except _OUTAGES as error:
            return [], [Event(node="researcher", kind="memory_unavailable", detail=error.code)]
        keys = [hit.metadata["run_id"] for hit in near if (hit.scores.dense or 0.0) >= MIN_SIMILARITY]
        found = [await runtime.store.aget((tenant, NAMESPACE), key) for key in keys]
        values = [
            item.value for item in found if item is not None and await self._may_read(context, item.value["report"])
        ]
        told = [f"{value['question']} {value['summary']}" for value in values]
        # An earlier report was screened by the guards of its day, and says what documents said then.
        screened = [await self._to.guards.screen(text, Stage.EVIDENCE) for text in told]
        passed = [each.verdict.action is Action.ALLOW for each in screened]
        prior = [text for text, is_passed in zip(told, passed, strict=True) if is_passed]
        return prior, [Event(node="researcher", kind="prior_work_recalled", detail=str(len(prior)))] if prior else []

    async def _may_read(self, context: ResearchContext, report: dict[str, Any]) -> bool:
        """Return whether the caller may read all evidence of a report: it may have lost an audience since."""
        ids, named = [each["id"] for each in report["evidence"]], (report["corpus"] or {}).get("name")
        if context.audiences is None or not ids:
            return True
        with suppress(CorpusMissing):
            corpus = await self._to.corpora.get(context.tenant, named or context.corpus, context.audiences)
            return len(await corpus.passages(ids)) == len(ids)
        return False

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
        except _OUTAGES as error:
            return [Event(node="publish", kind="memory_unavailable", detail=error.code)]
        return []


async def remembered_runs(store: BaseStore | None, tenant: str, thread_id: str) -> list[str]:
    """Return the ids of the runs of a thread whose reports are remembered. It reads the whole memory of the tenant."""
    found: list[str] = []
    offset = 0
    while store is not None:
        page = await store.asearch((tenant, NAMESPACE), limit=AT_ONCE, offset=offset)
        found += (item.key for item in page if item.value["report"]["thread_id"] == thread_id)
        if len(page) < AT_ONCE:
            break
        offset += AT_ONCE
    return found


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
