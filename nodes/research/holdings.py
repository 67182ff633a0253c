"""What the planner is told about the corpus: counts, titles and languages.

Titles are the documents' words: they are screened like evidence, neutralised, and bounded. The planner can do without
any of them, so one that a guard flags is left out too, and so is that of a document of which a passage was dropped.
"""

from __future__ import annotations

import asyncio
from itertools import accumulate
from typing import Any

from nodes.collaborators import Collaborators
from policy import Action, Stage, Verdict, suspicion
from retrieval.holdings import Holdings, holdings
from state.channels import ResearchContext, ResearchState
from state.citation_marks import neutralised
from state.errors import SixplaneError
from state.report import CorpusRef
from state.values import Event

MOST_TITLES = 40
"""Number of titles that the planner sees at most. A chosen value: they cost a prompt of every run."""

TITLE_CHARS = 120

_AMONG = (
    "The following lines are the titles of the documents that the corpus holds. They were chosen by the authors of the "
    "documents, or taken from the names of the files. The planner of the research sees them, so that its searches are "
    "worded as the documents are."
)
"""Stands before the titles that are screened. A request alone is a question; in the midst of other text it is not."""


async def corpus_field(
    collaborators: Collaborators, state: ResearchState, context: ResearchContext
) -> tuple[dict[str, Any], list[Event]]:
    """Return the field `corpus` of the plan's prompt. Without titles, and with an event, if they cannot be had."""
    summary = state.get("corpus") or CorpusRef(name=context.corpus, version=0, documents=0, passages=0)
    try:
        corpus = await collaborators.corpus(context)
        dropped = {each.title for each in (await corpus.passages(state.get("dropped", ()))).values()}
        found = await holdings(
            corpus,
            state["question"],
            documents=summary.documents,
            most=MOST_TITLES,
            where=context.where or None,
        )
    except SixplaneError as error:
        # Planning works without. What is wrong with the corpus will stop the search, and be told there.
        return _field(summary, Holdings(), []), [Event(node="researcher", kind="titles_unavailable", detail=error.code)]
    titles = [_line(title) for title in found.titles[:MOST_TITLES] if title not in dropped]
    return _field(summary, found, await _passed(collaborators, titles)), []


async def _passed(collaborators: Collaborators, titles: list[str]) -> list[str]:
    """Return the titles that the guards let pass."""
    found = await _suspicion(collaborators, titles)
    if found is None:  # the usual case: one screening instead of forty
        return titles
    starts = accumulate((len(title) + 1 for title in titles), initial=len(_AMONG) + 1)
    places = zip(starts, titles, strict=False)
    bad = [
        any(start <= span.start and span.end <= start + len(title) for span in found.spans) for start, title in places
    ]
    if not any(bad) and (found.action is Action.REFUSE or not found.spans):
        alone = await asyncio.gather(*(_suspicion(collaborators, [title]) for title in titles))
        bad = [each is not None for each in alone]
        if not any(bad):  # only together: then nothing tells which
            return []
    return [title for title, is_bad in zip(titles, bad, strict=True) if not is_bad]


async def _suspicion(collaborators: Collaborators, titles: list[str]) -> Verdict | None:
    return suspicion(await collaborators.guards.screen("\n".join([_AMONG, *titles]), Stage.EVIDENCE))


def _line(title: str) -> str:
    return " ".join(title.split())[:TITLE_CHARS]


def _field(summary: CorpusRef, found: Holdings, titles: list[str]) -> dict[str, Any]:
    return {
        "documents": summary.documents,
        "passages": summary.passages,
        "titles": [neutralised(title) for title in titles],
        "languages": list(found.languages),
    }
