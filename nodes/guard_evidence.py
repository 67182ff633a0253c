"""`guard_evidence`: drops passages that contain instructions, and fences those that may contain one.

A fenced passage stays evidence but ranks behind all others, and the report names it. No passage is rewritten: quotes
are verbatim.

Title, headings and source are screened with the text: a prompt shows them too, and whoever wrote the document, or only
named its file, chose them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators, context_of
from policy import Action, Stage, Verdict
from state.channels import ResearchContext, ResearchState
from state.values import Event, Hit, Passage


class GuardEvidence:
    """Screens each new passage and assigns an alias to each that passes."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        corpus = await self._to.corpus(context_of(runtime))
        known = {*state.get("aliases", {}).values(), *state.get("dropped", ())}
        fresh = [key for key in _ids(state.get("hits", ())) if key not in known]
        passages = await corpus.passages(fresh)
        shown = [passages[key] for key in fresh if key in passages]  # best first: so are the aliases
        screened = await asyncio.gather(*map(self._screen, shown))
        verdicts = {passage.evidence_id: verdict for passage, verdict in zip(shown, screened, strict=True)}
        dropped = [key for key, verdict in verdicts.items() if verdict.action is Action.REFUSE]
        fenced = [key for key, verdict in verdicts.items() if verdict.action is Action.FLAG]
        clean = [key for key in verdicts if key not in {*dropped, *fenced}]
        return {
            "dropped": tuple(dropped),
            "fenced": tuple(fenced),
            "aliases": with_aliases(state.get("aliases", {}), [*clean, *fenced]),
            "events": (*_told("passage_dropped", dropped, verdicts), *_told("passage_fenced", fenced, verdicts)),
        }

    async def _screen(self, passage: Passage) -> Verdict:
        return (await self._to.guards.screen(shown_text(passage), Stage.EVIDENCE)).verdict


def _told(kind: str, keys: Iterable[str], verdicts: Mapping[str, Verdict]) -> Iterator[Event]:
    """Yield an event for each passage: what happened to it, and why."""
    for key in sorted(keys):
        yield Event(node="guard_evidence", kind=kind, detail=f"{key}: {verdicts[key].category}")


def shown_text(passage: Passage) -> str:
    """Return everything of `passage` that a prompt shows, each part on a line of its own."""
    return "\n".join(filter(None, (passage.title, *passage.heading_path, passage.source, passage.text)))


def with_aliases(known: dict[str, str], evidence_ids: list[str]) -> dict[str, str]:
    """Return `known` plus an alias (`E1`, `E2`, …) for each new evidence id. An alias never changes within a run."""
    numbered = {f"E{len(known) + n}": key for n, key in enumerate(evidence_ids, 1)}
    return {**known, **numbered}


def _ids(hits: tuple[Hit, ...]) -> list[str]:
    return list(dict.fromkeys(hit.evidence_id for hit in hits))
