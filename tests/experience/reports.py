"""A report and the corpus behind it, for the tests of this package."""

from __future__ import annotations

from typing import Any

from state.report import CorpusRef, Report, ReportCitation, ReportClaim, ReportEvidence
from state.values import ClaimKind, Passage, Scores, Status, Usage, Verification

TEXT = "The six planes are layers. As [3] notes, a graph <b>node</b> does one job. Budgets are hard limits.\nMore text."
FIRST = "The six planes are layers."
SECOND = "As [3] notes, a graph <b>node</b> does one job."
SAID = "As ⟦3⟧ notes, a graph <b>node</b> does one job."
"""`SECOND` as an answer says it: marks of a document are neutralised, its HTML is escaped in the Markdown."""
E1, E2 = "E" + "A" * 26, "E" + "B" * 26


class CorpusStub:
    """The three reads that verification makes."""

    def __init__(self, text: str = TEXT) -> None:
        self.text = text
        self.known = {
            E1: Passage(
                evidence_id=E1,
                document_id="d1",
                title="Planes",
                source="docs/planes.md",
                start=0,
                end=80,
                text=text[0:80],
                text_hash="h",
            ),
            E2: Passage(
                evidence_id=E2,
                document_id="d1",
                title="Planes",
                source="docs/planes.md",
                page=2,
                page_end=3,
                start=20,
                end=len(text),
                text=text[20:],
                text_hash="h",
            ),
        }

    async def passages(self, evidence_ids: Any) -> dict[str, Passage]:
        return {key: self.known[key] for key in evidence_ids if key in self.known}

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        return self.text if (document_id, text_hash) == ("d1", "h") else None


def evidence(key: str, number: int) -> ReportEvidence:
    passage = CorpusStub().known[key]
    fields = passage.model_dump(include={"document_id", "title", "source", "page", "page_end", "start", "end", "text"})
    return ReportEvidence(id=key, number=number, scores=Scores(fused=0.5), **fields)


def citation(key: str, quote: str) -> ReportCitation:
    start = TEXT.index(quote)
    return ReportCitation(evidence_id=key, start=start, end=start + len(quote), quote=quote)


def placed(markdown: str, span: str, **fields: Any) -> ReportClaim:
    """Return a claim with the offsets of `span` in `markdown`, or without any if it is not there."""
    start = max(markdown.find(span), 0)
    return ReportClaim(start=start, end=start + len(span) if span in markdown else start, **fields)


def make_report(**changes: Any) -> Report:
    """Return a report of two claims under a heading that holds against `CorpusStub`."""
    written = SAID.replace("<", "&lt;")
    markdown = str(changes.get("markdown", f"## Planes\n\n{FIRST} [1]\n\n{written} [2]"))
    heading = {"id": "c0", "text": "Planes", "kind": ClaimKind.HEADING, "verdict": "supported", "score": None}
    first = {"id": "c1", "text": FIRST, "verdict": "supported", "score": 0.9, "citations": (citation(E1, FIRST),)}
    second = {"id": "c2", "text": SAID, "verdict": "supported", "score": 0.8, "citations": (citation(E2, SECOND),)}
    claims = (
        placed(markdown, "Planes", section="Planes", citations=(), **heading),
        placed(markdown, f"{FIRST} [1]", section="Planes", **first),
        placed(markdown, f"{written} [2]", section="Planes", **second),
    )
    fields: dict[str, Any] = {
        "thread_id": "t1",
        "run_id": "r1",
        "trace_id": "0" * 32,
        "question": "What are the planes?",
        "status": Status.ANSWERED,
        "stop_reason": "approved",
        "markdown": markdown,
        "claims": claims,
        "evidence": (evidence(E1, 1), evidence(E2, 2)),
        "verification": Verification(claims=2, supported=2, coverage=1.0, judge="local", draft_hash="x"),
        "usage": Usage(calls=4, input_tokens=900, output_tokens=80),
        "models": {"writer": "extractive"},
        "corpus": CorpusRef(name="default", version=3, documents=1, passages=2),
        "timings_ms": {"researcher": 12, "writer": 30},
    }
    return Report(**{**fields, **changes})
