"""Which passages of a run reached the analyzer, round by round, and which of them the writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from nodes.evidence import in_order
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
    screened, fenced = values.get("aliases", {}).values(), values.get("fenced", ())
    rounds = []
    for last in range(1, max(round_of.values(), default=0) + 1):
        found = [hit for hit in hits if round_of.get(hit.sub_question, 0) <= last]
        retrieved = {hit.evidence_id for hit in found}
        rounds.append(tuple(in_order((key for key in screened if key in retrieved), found, fenced)))
    quoted = dict.fromkeys(quote.evidence_id for each in values.get("findings", ()) for quote in each.quotes)
    return RunEvidence(rounds=tuple(rounds), quoted=tuple(quoted))
