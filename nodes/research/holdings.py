"""What the planner is told about the corpus: counts, titles and languages.

Titles are the documents' words: they are screened like evidence, neutralised, and bounded.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nodes.collaborators import Collaborators
from policy import Action, Stage
from retrieval.holdings import Holdings, holdings
from state.channels import ResearchContext, ResearchState
from state.citation_marks import neutralised
from state.errors import SixplaneError
from state.report import CorpusRef
from state.values import Event

MOST_TITLES = 40
"""Number of titles that the planner sees at most. A chosen value: they cost a prompt of every run."""

TITLE_CHARS = 120


async def corpus_field(
    collaborators: Collaborators, state: ResearchState, context: ResearchContext
) -> tuple[dict[str, Any], list[Event]]:
    """Return the field `corpus` of the plan's prompt. Without titles, and with an event, if they cannot be had."""
    summary = state.get("corpus") or CorpusRef(name=context.corpus, version=0, documents=0, passages=0)
    try:
        found = await holdings(
            await collaborators.corpus(context),
            state["question"],
            documents=summary.documents,
            most=MOST_TITLES,
            where=context.where or None,
        )
    except SixplaneError as error:
        # Planning works without. What is wrong with the corpus will stop the search, and be told there.
        return _field(summary, Holdings(), []), [Event(node="researcher", kind="titles_unavailable", detail=error.code)]
    return _field(summary, found, await _passed(collaborators, found.titles[:MOST_TITLES])), []


async def _passed(collaborators: Collaborators, titles: tuple[str, ...]) -> list[str]:
    """Return the titles that the guards let pass."""
    lines = [" ".join(title.split())[:TITLE_CHARS] for title in titles]

    async def passes(text: str) -> bool:
        return (await collaborators.guards.screen(text, Stage.EVIDENCE)).verdict.action is not Action.REFUSE

    # All at once first: one screening instead of forty, as long as no title is refused.
    if not lines or await passes("\n".join(lines)):
        return lines
    passed = await asyncio.gather(*map(passes, lines))
    return [line for line, allowed in zip(lines, passed, strict=True) if allowed]


def _field(summary: CorpusRef, found: Holdings, titles: list[str]) -> dict[str, Any]:
    return {
        "documents": summary.documents,
        "passages": summary.passages,
        "titles": [neutralised(title) for title in titles],
        "languages": list(found.languages),
    }
