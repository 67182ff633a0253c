"""Which passages of a run reached the analyzer, round by round, and which of them the writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class RunEvidence(BaseModel):
    """The evidence of a run, as ids.

    Args:
        rounds: for each round, the screened passages retrieved up to then, in the order that the analyzer gets.
        quoted: the passages from which findings quote.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: tuple[tuple[str, ...], ...] = ()
    quoted: tuple[str, ...] = ()


def run_evidence(values: Mapping[str, Any]) -> RunEvidence:
    """Return the evidence from the channels of a run's last checkpoint."""
    round_of = {question.id: question.round for question in values.get("sub_questions", ())}
    screened = set(values.get("aliases", {}).values())
    fenced = set(values.get("fenced", ()))
    rounds = []
    for last in range(1, max(round_of.values(), default=0) + 1):
        best: dict[str, float] = {}
        for hit in values.get("hits", ()):
            if round_of.get(hit.sub_question, 0) <= last and hit.evidence_id in screened:
                best[hit.evidence_id] = max(best.get(hit.evidence_id, 0.0), hit.scores.best or 0.0)
        rounds.append(tuple(sorted(best, key=lambda key: (key in fenced, -best[key]))))
    quoted = dict.fromkeys(quote.evidence_id for each in values.get("findings", ()) for quote in each.quotes)
    return RunEvidence(rounds=tuple(rounds), quoted=tuple(quoted))
