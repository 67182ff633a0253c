"""Frozen values that flow through the graph. Offsets are half-open and count code points of the canonical text."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: Any) -> Any:
    """Reject `true` and `"2"`, which pydantic would convert. `2.0` passes: JSON Schema counts it as an integer."""
    if isinstance(value, bool | str):
        raise ValueError("not a number")  # noqa: TRY004  (pydantic reports a ValueError only)
    return value


NUMBER = BeforeValidator(_number)
"""Must be the last annotation: pydantic leaves bounds that follow a validator out of the JSON schema."""

JsonInt = Annotated[int, NUMBER]
JsonFloat = Annotated[float, NUMBER]


class Value(BaseModel):
    """Base of all values: frozen; unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """The role in which a node calls a chat model."""

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
    """What the cited spans say about a claim. `unverified`: no judge could tell."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNSUPPORTED = "unsupported"
    UNVERIFIED = "unverified"


class Scores(Value):
    """A passage's score at each stage of retrieval; `None` if the stage did not see it."""

    keyword: float | None = None
    dense: float | None = None
    fused: float | None = None
    rerank: float | None = None

    @property
    def best(self) -> float | None:
        """The score of the last stage that saw the passage: later stages look closer."""
        staged = (self.rerank, self.fused, self.dense, self.keyword)
        return next((score for score in staged if score is not None), None)


EXTRACTIVE = "extractive"
"""The id of the built-in model, which quotes and does not write."""

Kind = Literal["prose", "list", "table", "code", "heading"]
"""What a part of a text is. Prose is whatever is not marked as something else."""


class Place(Value):
    """Where a passage of the same words stands."""

    evidence_id: str
    document_id: str
    source: str
    page: int | None = None
    page_end: int | None = None


class Passage(Value):
    """A span of one document version, as retrieval returns it.

    `text` is the canonical text from `start` to `end`. `page` and `page_end` count from 1 and are `None` for formats
    without pages. `kind` is `prose` where it holds text of several kinds. `where` filters on `metadata`. A search fills
    `also_in`: the other places of the same words.
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
    kind: Kind = "prose"
    text: str
    scores: Scores = Scores()
    text_hash: str = ""
    superseded: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict)
    also_in: tuple[Place, ...] = ()


class SubQuestion(Value):
    """One question of the research plan. `id` is `q1`, `q2`, … across the rounds of a run.

    `asks` is the question of an earlier round that this one repeats in other words.
    """

    id: str
    text: str
    round: int = 1
    asks: str = ""


class Hit(Value):
    """A reference to a retrieved passage, which state holds instead of the text."""

    evidence_id: str
    sub_question: str
    scores: Scores = Scores()
    neighbour: bool = False


class Quote(Value):
    """A verbatim span of one passage. `quote` is the canonical text from `start` to `end`."""

    evidence_id: str
    start: int
    end: int
    quote: str


class FindingKind(StrEnum):
    """Whether the sources agree on a finding."""

    FACT = "fact"
    CONFLICT = "conflict"


class Finding(Value):
    """A statement that the analyzer took from the evidence, with the quotes that support it.

    A `conflict` states what each side says; its quotes come from both.
    """

    id: str
    statement: str
    sub_question: str
    quotes: tuple[Quote, ...]
    kind: FindingKind = FindingKind.FACT


class Gap(Value):
    """Something that the corpus does not say.

    `missing` is worded by code and may be published. `wanted` is in a model's words: it goes to the next round and to
    the trace, never into the report.
    """

    sub_question: str
    missing: str
    wanted: str = ""


class ClaimKind(StrEnum):
    """What a claim is in the draft's Markdown."""

    SENTENCE = "sentence"
    ROW = "row"
    CODE = "code"
    HEADING = "heading"
    HEADER = "header"

    @property
    def states(self) -> bool:
        """Whether it states something that needs a citation. Headings and the header of a table only name."""
        return self not in (ClaimKind.HEADING, ClaimKind.HEADER)


class ClaimFault(StrEnum):
    """Why a claim failed. All but the last two are found by code, and no judge can overrule them."""

    UNCITED = "uncited"
    UNKNOWN_ALIAS = "unknown_alias"
    NO_STATEMENT = "no_statement"
    NUMBER = "number"
    UNIT = "unit"
    DATE = "date"
    NEGATION = "negation"
    OPPOSITE = "opposite"
    ADDRESS = "address"
    CODE = "code"
    HEADER = "header"
    NOT_SAID = "not_said"
    SAID_OTHERWISE = "said_otherwise"


class Claim(Value):
    """One span of the draft that states something. `start` and `end` are offsets into the draft's Markdown.

    `text` is the span without marks and markup, on one line (code as it stands). `context` is what a reader has just
    read before it and a judge needs to understand it: the sentence before, the table's header. `reason` is in a judge's
    words and is never published; `fault` is.
    """

    id: str
    text: str
    kind: ClaimKind = ClaimKind.SENTENCE
    context: str = ""
    section: str = ""
    start: int = 0
    end: int = 0
    verdict: Support = Support.UNVERIFIED
    score: float | None = None
    citations: tuple[Quote, ...] = ()
    reason: str = ""
    fault: ClaimFault | None = None


class JudgedClaim(Value):
    """A judge's verdict, kept within the run: a revision asks only about claims that changed.

    `carried` are the positions of the quotes that carry the claim, among those that the judge was shown.
    """

    verdict: Support
    carried: tuple[int, ...] = ()
    reason: str = ""


class Draft(Value):
    """The writer's text, which cites by the run's aliases (`[E3]`). `hash` is computed over the unmasked text.

    `cut_off`: the writer's answer was too long, and the end of the text is missing.
    """

    markdown: str
    hash: str
    revision: int = 0
    cut_off: bool = False


class Verification(Value):
    """The verifier's counts for one draft. `coverage` is the share of its claims that have a citation.

    `draft_hash` binds the counts to the draft: a draft that changed after its verification is not published.
    """

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
    """An objection of the reviewer. `claim_id` is empty if it concerns the whole draft."""

    claim_id: str
    severity: Severity
    remedy: str


class DraftReview(Value):
    """The review that a reviewer gave in the same answer as its verdicts. It counts for the draft with this hash."""

    draft_hash: str
    verdict: Literal["approve", "revise", "needs_human"]
    findings: tuple[ReviewFinding, ...] = ()


MASK = "█"
"""Replaces a character that must not be shown, one to one: offsets stay valid."""


class Mask(Value):
    """A span of the draft that must not be shown."""

    start: int
    end: int
    kind: str


class Withheld(Value):
    """The parts of a passage that nobody may read, as offsets into what is shown of it (`policy.withheld`)."""

    evidence_id: str
    masks: tuple[Mask, ...]


class Refusal(Value):
    """Why a guard refused. Never contains the matched text."""

    stage: str
    policy: str
    """The guard that refused."""
    category: str
    reason: str
    policy_hash: str = ""
    """The hash of the policy that the guard followed."""


MODEL_RETIRING = "model_retiring"
ONCE_A_RUN = frozenset({MODEL_RETIRING})
"""Kinds of events that many nodes may notice alike. A report shows each once."""


class Event(Value):
    """What a report shows of its run: a fallback, a dropped passage, a failed branch, how probable an answer is."""

    node: str
    kind: str
    detail: str


class Usage(Value):
    """Calls, characters, tokens and cost of a run. Cost is in integer micro-dollars (10^-6 USD)."""

    calls: int = 0
    input_chars: int = 0
    output_chars: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})


class PastRun(Value):
    """The summary of an earlier run that a thread keeps."""

    run_id: str
    question: str
    status: Status
    summary: str


class Turn(Value):
    """A question and its answer earlier in the conversation."""

    question: str
    answer: str


class ReviewAnswer(Value):
    """A person's decision in `human_review`. With `revise`, `text` goes to the writer, never into the report."""

    decision: Literal["approve", "revise", "reject"]
    text: str = ""
    review_id: str = Field("", description="The review that is answered; empty: the one that waits.")
