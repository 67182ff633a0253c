"""`guard_evidence`: drops passages that contain instructions, and fences those that may contain one.

A fenced passage stays evidence, but ranks behind all others, and what is suspicious in it is withheld: no model reads
it and no report shows it. The report names the passage. Nothing is rewritten: quotes are verbatim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators, context_of
from nodes.outcome import DROPPED
from policy import screen_passages
from state.channels import ResearchContext, ResearchState
from state.values import Event, Hit, Withheld


class GuardEvidence:
    """Screens each new passage and assigns an alias to each that passes."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
        corpus = await self._to.corpus(context_of(runtime))
        kept, dropped = [*state.get("aliases", {}).values()], state.get("dropped", ())
        fresh = [key for key in _ids(state.get("hits", ())) if key not in {*kept, *dropped}]
        passages = await corpus.passages([*fresh, *kept, *dropped])
        told = await screen_passages(
            self._to.guards,
            [passages[key] for key in fresh if key in passages],  # best first: so are the aliases
            kept=[passages[key] for key in kept if key in passages],
            dropped=[passages[key] for key in dropped if key in passages],
        )
        passed = [key for key in fresh if key in passages and key not in told.dropped]
        clean = [key for key in passed if key not in told.fenced]
        return {
            "dropped": tuple(told.dropped),
            "fenced": tuple(told.fenced),
            "withheld": tuple(Withheld(evidence_id=key, masks=masks) for key, masks in told.withheld.items()),
            "aliases": with_aliases(state.get("aliases", {}), [*clean, *(key for key in passed if key not in clean)]),
            "events": (
                *_told(DROPPED, told.dropped),
                *_told("passage_fenced", told.fenced),
                *_told("passage_redacted", told.redacted),
            ),
        }


def _told(kind: str, categories: Mapping[str, str]) -> Iterator[Event]:
    """Yield an event for each passage: what happened to it, and why."""
    for key, category in sorted(categories.items()):
        yield Event(node="guard_evidence", kind=kind, detail=f"{key}: {category}")


def with_aliases(known: dict[str, str], evidence_ids: list[str]) -> dict[str, str]:
    """Return `known` plus an alias (`E1`, `E2`, …) for each new evidence id. An alias never changes within a run."""
    numbered = {f"E{len(known) + n}": key for n, key in enumerate(evidence_ids, 1)}
    return {**known, **numbered}


def _ids(hits: tuple[Hit, ...]) -> list[str]:
    return list(dict.fromkeys(hit.evidence_id for hit in hits))
