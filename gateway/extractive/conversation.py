"""The extractive model as a plain chat model, without a role's schema: it answers from the conversation itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from gateway.extractive.analysis import Limits, analyse
from gateway.extractive.reading import Reading, candidates
from state.evidence_block import EvidenceItem

NO_EVIDENCE = "There is nothing in this conversation that answers the question."


def reading_of(
    messages: Sequence[BaseMessage], fields: Mapping[str, Any], evidence: Sequence[EvidenceItem], limits: Limits
) -> Reading:
    """Return the sentences to rank: from the evidence of the last message, or else from all earlier messages."""
    if evidence:
        return candidates(fields, evidence, limits.embedded)
    said = [text for message in messages[:-1] if (text := str(message.text))]
    items = [EvidenceItem(alias=f"E{number}", title="", text=text) for number, text in enumerate(said, start=1)]
    question = str(fields.get("question") or (messages[-1].text if messages else ""))
    return candidates({"question": question}, items, limits.embedded)


def answer(reading: Reading, rows: Sequence[Sequence[float]], limits: Limits) -> str:
    """Return the best sentences, or `NO_EVIDENCE`."""
    findings = analyse(reading, rows, limits, rounds_left=0).findings
    return " ".join(dict.fromkeys(finding.statement for finding in findings)) or NO_EVIDENCE
