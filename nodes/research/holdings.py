"""What the planner is told about the corpus: counts, titles and languages.

Titles are the documents' words: they are screened like evidence, neutralised, and bounded. The planner can do without
any of them, so one that a guard flags or redacts is left out too, and so is that of a document of which a passage was
dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from nodes.collaborators import Collaborators
from policy import Action, Stage, Verdict
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
    """Return the titles to which no guard objects."""
    while titles and (found := await _objections(collaborators, titles)):  # usually one screening instead of forty
        bad = _named(titles, found)
        if not any(bad):
            if all(each.action is not Action.REFUSE and each.spans for each in found):
                break  # a window over several titles says nothing against one of them
            alone = await asyncio.gather(*(_objections(collaborators, [title]) for title in titles))
            bad = [bool(each) for each in alone]
            if not any(bad):  # only together: then nothing tells which
                return []
        # A strict verdict hides a milder one: what stays is screened again.
        titles = [title for title, is_bad in zip(titles, bad, strict=True) if not is_bad]
    return titles


def _named(titles: list[str], found: Sequence[Verdict]) -> list[bool]:
    """Return for each title whether a verdict has a span in it."""
    starts = accumulate((len(title) + 1 for title in titles), initial=len(_AMONG) + 1)
    spans = [span for each in found for span in each.spans]
    places = zip(starts, titles, strict=False)
    return [any(start <= span.start and span.end <= start + len(title) for span in spans) for start, title in places]


async def _objections(collaborators: Collaborators, titles: list[str]) -> list[Verdict]:
    """Return the verdicts that do anything but allow the titles: they flag, redact or refuse them."""
    screening = await collaborators.guards.screen("\n".join([_AMONG, *titles]), Stage.EVIDENCE)
    return [each for each in screening.verdicts if each.action is not Action.ALLOW]


def _line(title: str) -> str:
    return " ".join(title.split())[:TITLE_CHARS]


def _field(summary: CorpusRef, found: Holdings, titles: list[str]) -> dict[str, Any]:
    return {
        "documents": summary.documents,
        "passages": summary.passages,
        "titles": [neutralised(title) for title in titles],
        "languages": list(found.languages),
    }
