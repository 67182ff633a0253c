"""Which passages of a run reached the analyzer, round by round, and which of them the writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from nodes.evidence import turns
from state.values import Hit


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
    hits: tuple[Hit, ...] = values.get("hits", ())
    rounds = []
    for last in range(1, max(round_of.values(), default=0) + 1):
        found = [hit for hit in hits if round_of.get(hit.sub_question, 0) <= last]
        rounds.append(_in_order(found, values))
    quoted = dict.fromkeys(quote.evidence_id for each in values.get("findings", ()) for quote in each.quotes)
    return RunEvidence(rounds=tuple(rounds), quoted=tuple(quoted))


def _in_order(hits: Sequence[Hit], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the screened passages as `nodes.evidence.ranked_items` orders them."""
    screened, fenced = set(values.get("aliases", {}).values()), set(values.get("fenced", ()))
    score: dict[str, float] = {}
    for hit in hits:
        if hit.evidence_id in screened:
            score[hit.evidence_id] = max(score.get(hit.evidence_id, 0.0), hit.scores.best or 0.0)
    turn = turns(hit for hit in hits if hit.evidence_id in screened - fenced)
    return tuple(sorted(score, key=lambda key: (key in fenced, turn.get(key, len(turn)), -score[key])))
