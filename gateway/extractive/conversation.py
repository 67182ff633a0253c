"""What the extractive model says when nobody asks for a role's schema: the best sentences of what stands before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from gateway.extractive.analysis import Limits, Reading, analyse, candidates
from state.evidence_block import EvidenceItem

NO_EVIDENCE = "There is nothing in this conversation that answers the question."


def reading_of(
    messages: Sequence[BaseMessage], fields: Mapping[str, Any], evidence: Sequence[EvidenceItem], limits: Limits
) -> Reading:
    """Return what to rank: the evidence of the last message, or else everything said before it."""
    if evidence:
        return candidates(fields, evidence, limits)
    said = [text for message in messages[:-1] if (text := str(message.text))]
    items = [EvidenceItem(alias=f"E{number}", title="", text=text) for number, text in enumerate(said, start=1)]
    question = str(fields.get("question") or (messages[-1].text if messages else ""))
    return candidates({"question": question}, items, limits)


def answer(reading: Reading, rows: Sequence[Sequence[float]], limits: Limits) -> str:
    """Return the best sentences, or that there is no evidence."""
    findings = analyse(reading, rows, limits, rounds_left=0).findings
    return " ".join(dict.fromkeys(finding.statement for finding in findings)) or NO_EVIDENCE
