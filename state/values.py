"""Frozen values that flow through the graph. Offsets are code points, half-open, into the canonical text."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: Any) -> Any:
    """Let through what JSON calls a number: `2.0` is an integer there, and neither `true` nor `"2"` is one."""
    if isinstance(value, bool | str):
        raise ValueError("not a number")  # noqa: TRY004  (pydantic takes this one)
    return value


NUMBER = BeforeValidator(_number)
"""Stands last: bounds that stand after it would be lost to the schema."""

JsonInt = Annotated[int, NUMBER]
JsonFloat = Annotated[float, NUMBER]


class Value(BaseModel):
    """Base of all values: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """Who asks a chat model."""

    RESEARCHER = "researcher"
    ANALYZER = "analyzer"
    WRITER = "writer"
    REVIEWER = "reviewer"
    JUDGE = "judge"


class Status(StrEnum):
    """How a run ended."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    ABSTAINED = "abstained"
    REFUSED = "refused"
    STOPPED = "stopped"


class Support(StrEnum):
    """What the cited spans say about a claim. A judge that could not answer gives `unverified`, nothing else."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNSUPPORTED = "unsupported"
    UNVERIFIED = "unverified"


class Scores(Value):
    """A passage's score at each stage that saw it; `None` where a stage did not."""

    keyword: float | None = None
    dense: float | None = None
    fused: float | None = None
    rerank: float | None = None

    @property
    def best(self) -> float | None:
        """The score of the last stage that saw the passage: later stages look closer."""
        staged = (self.rerank, self.fused, self.dense, self.keyword)
        return next((score for score in staged if score is not None), None)


class Passage(Value):
    """A span of one document version, as retrieval returns it.

    `start` and `end` are offsets into the canonical text; `text` is the canonical text there. `page` and
    `page_end` count from 1 and are `None` for formats without pages. `metadata` is what `where` filters on.
    """

    evidence_id: str
    document_id: str
    title: str
    source: str
    page: int | None = None
    page_end: int | None = None
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    text: str
    scores: Scores = Scores()
    text_hash: str = ""
    superseded: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict)


class SubQuestion(Value):
    """One question of the research plan. `id` is `q1`, `q2`, … across the rounds of a run.

    `asks` is what an earlier round asked and this one asks again in other words.
    """

    id: str
    text: str
    round: int = 1
    asks: str = ""


class Hit(Value):
    """A reference to a retrieved passage: what state holds instead of the text."""

    evidence_id: str
    sub_question: str
    scores: Scores = Scores()
    neighbour: bool = False


class Quote(Value):
    """A verbatim span of one passage. `quote` is the canonical text at `start:end`."""

    evidence_id: str
    start: int
    end: int
    quote: str


class Finding(Value):
    """What the analyzer read out of the evidence, with the quotes that carry it."""

    id: str
    statement: str
    sub_question: str
    quotes: tuple[Quote, ...]


class Gap(Value):
    """What the corpus does not say."""

    sub_question: str
    missing: str


class Claim(Value):
    """One sentence of the draft that states something. `start` and `end` are offsets into the draft's Markdown."""

    id: str
    text: str
    section: str = ""
    start: int = 0
    end: int = 0
    verdict: Support = Support.UNVERIFIED
    score: float | None = None
    citations: tuple[Quote, ...] = ()
    reason: str = ""


class Draft(Value):
    """The writer's text with per-run aliases (`[E3]`) as citations. `hash` covers the unmasked text."""

    markdown: str
    hash: str
    revision: int = 0


class Verification(Value):
    """The verifier's tally over one draft. `coverage` is the share of stating sentences that carry a citation."""

    claims: int = 0
    supported: int = 0
    contradicted: int = 0
    unsupported: int = 0
    unverified: int = 0
    coverage: float = 0.0
    judge: str = ""
    draft_hash: str = ""


class Severity(StrEnum):
    """How much a review finding matters."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class ReviewFinding(Value):
    """What the reviewer objects to. `claim_id` is empty where it concerns the whole draft."""

    claim_id: str
    severity: Severity
    remedy: str


class Mask(Value):
    """A span of the draft that must not be shown."""

    start: int
    end: int
    kind: str


class Refusal(Value):
    """Why a guard refused. Never holds the matched text."""

    stage: str
    policy: str
    category: str
    reason: str


class Event(Value):
    """Something that did not go the plain way: a fallback, a dropped passage, a failed branch."""

    node: str
    kind: str
    detail: str


class Usage(Value):
    """What a run used. Money in integer micro-dollars (10^-6 USD)."""

    calls: int = 0
    input_chars: int = 0
    output_chars: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})


class PastRun(Value):
    """What a thread remembers of an earlier run."""

    run_id: str
    question: str
    status: Status
    summary: str


class Turn(Value):
    """A question and its answer earlier in the conversation."""

    question: str
    answer: str


class ReviewAnswer(Value):
    """A person's answer to `human_review`. `text` goes to the writer on `revise`, never straight into the report."""

    decision: Literal["approve", "revise", "reject"]
    text: str = ""
