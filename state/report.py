"""The report, in which every run ends, whatever its status."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from state.values import Claim, ClaimKind, Event, Mask, Refusal, Scores, Status, Support, Usage, Value, Verification


class ReportCitation(Value):
    """A verbatim quote. `start` and `end` are offsets into the document's canonical text, inside the cited passage."""

    evidence_id: str
    start: int
    end: int
    quote: str


class ReportClaim(Value):
    """A published claim. `start` and `end` are offsets of its span, marks included, into the report's Markdown."""

    id: str
    text: str
    kind: ClaimKind = ClaimKind.SENTENCE
    start: int = 0
    end: int = 0
    section: str
    verdict: Support
    score: float | None
    citations: tuple[ReportCitation, ...]


class ReportEvidence(Value):
    """A cited passage; `number` is its `[n]` in the Markdown.

    `page` and `page_end` count from 1. Their labels, as people cite them, are empty where they are the count.
    """

    id: str
    number: int
    document_id: str
    title: str
    source: str
    page: int | None
    page_end: int | None
    page_label: str = ""
    page_end_label: str = ""
    heading_path: tuple[str, ...] = ()
    date: str = ""
    version: str = ""
    start: int
    end: int
    text: str
    scores: Scores


class CorpusRef(Value):
    """The corpus, and its version, that the run answered from."""

    name: str
    version: int
    documents: int
    passages: int


class PolicyRef(Value):
    """The policy that the guards followed, and the one that was tried beside it, if any.

    `hash` is the SHA-256 of everything that decides what the guards say; `version` is its owner's name for it.
    """

    version: str = ""
    hash: str = ""
    candidate_version: str = ""
    candidate_hash: str = ""


class Report(BaseModel):
    """The result of a run, as the node `publish` makes it. The state holds it as JSON.

    `prompts` holds the version of each role's prompt. `usage_by_role` holds what the finished nodes of each role used;
    calls without a role stand under their operation (`embeddings`, `rerank`, `guard`), and what no finished node used
    under `other`. It adds up to `usage`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    thread_id: str
    run_id: str
    trace_id: str
    question: str
    status: Status
    stop_reason: str
    markdown: str
    claims: tuple[ReportClaim, ...] = ()
    evidence: tuple[ReportEvidence, ...] = ()
    gaps: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    masks: tuple[Mask, ...] = ()
    refusal: Refusal | None = None
    verification: Verification = Verification()
    usage: Usage = Usage()
    usage_by_role: dict[str, Usage] = Field(default_factory=dict)
    prompts: dict[str, str] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)
    corpus: CorpusRef | None = None
    policy: PolicyRef | None = None
    research_rounds: int = 0
    revisions: int = 0
    timings_ms: dict[str, int] = Field(default_factory=dict)
    events: tuple[Event, ...] = ()


def published_claim(claim: Claim) -> ReportClaim:
    """Return `claim`, whose offsets are those into the report's Markdown, in the form in which the report shows it."""
    return ReportClaim(
        id=claim.id,
        text=claim.text,
        kind=claim.kind,
        start=claim.start,
        end=claim.end,
        section=claim.section,
        verdict=claim.verdict,
        score=claim.score,
        citations=tuple(ReportCitation(**quote.model_dump()) for quote in claim.citations),
    )
