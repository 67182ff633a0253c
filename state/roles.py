"""Role schemas: the structured answer of each role's chat model. Nodes check every field before they use it.

Models name evidence by its alias in the evidence block (`E1`, `E2`, …); code resolves aliases. Models never see ids.
The descriptions are part of the prompt: changing one changes what models answer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from state.values import FindingKind, Severity, Support


class ResearchPlan(BaseModel):
    """The researcher's answer."""

    standalone_question: str = Field(description="The question with every reference to the conversation resolved.")
    sub_questions: list[str] = Field(
        min_length=1, max_length=6, description="Questions that together answer it; one is enough for a simple one."
    )
    sections: list[str] = Field(
        default_factory=list,
        max_length=8,
        description="Section titles of the report in order; none for a short answer.",
    )


class QuotedEvidence(BaseModel):
    """A verbatim quote and the alias of its passage."""

    evidence: str = Field(description="Alias of the passage, for example `E3`.")
    quote: str = Field(description="Words copied from that passage without any change.")


class ProposedFinding(BaseModel):
    """One finding of the analyzer."""

    statement: str = Field(description="What the evidence says, in one sentence.")
    kind: FindingKind = Field(
        default=FindingKind.FACT, description="`conflict` if sources disagree: then state and quote both sides."
    )
    sub_question: str = Field(description="Id of the sub-question it answers, for example `q1`.")
    quotes: list[QuotedEvidence] = Field(min_length=1, description="The quotes that carry the statement.")


class ProposedGap(BaseModel):
    """Something that the evidence does not say."""

    sub_question: str = Field(description="Id of the sub-question that stays open.")
    missing: str = Field(description="What is missing, in one sentence.")


class Decision(StrEnum):
    """The next step that the analyzer proposes."""

    ENOUGH = "enough"
    RESEARCH_MORE = "research_more"
    NOTHING = "nothing"


class Analysis(BaseModel):
    """The analyzer's answer."""

    findings: list[ProposedFinding] = Field(default_factory=list)
    gaps: list[ProposedGap] = Field(default_factory=list)
    decision: Decision = Field(description="`enough`, `research_more` or `nothing` (no evidence answers it).")


class WrittenDraft(BaseModel):
    """The writer's answer."""

    markdown: str = Field(
        min_length=1, description="The report. Every sentence that states something ends with its aliases, as `[E3]`."
    )


class ProposedReviewFinding(BaseModel):
    """One objection of the reviewer."""

    claim_id: str = Field(default="", description="Id of the claim, or empty for the whole draft.")
    severity: Severity
    remedy: str = Field(description="What the writer should do.")


class Review(BaseModel):
    """The reviewer's answer."""

    verdict: Literal["approve", "revise", "needs_human"]
    findings: list[ProposedReviewFinding] = Field(default_factory=list)


class ClaimVerdict(BaseModel):
    """The judge's verdict on one claim."""

    claim: str = Field(description="Id of the claim, for example `c3`.")
    verdict: Support = Field(
        description="`supported`, `contradicted`, `unsupported`, or `unverified` if you cannot tell."
    )
    carried_by: list[str] = Field(
        default_factory=list,
        description="Ids of the quotes that carry the claim, as `c3a`; none if none does.",
    )
    reason: str = Field(default="", description="Why, in one sentence.")


class Verdicts(BaseModel):
    """The judge's answer: a verdict for each claim of the draft."""

    verdicts: list[ClaimVerdict] = Field(default_factory=list, description="One verdict for every claim.")


class JudgedReview(Review, Verdicts):
    """The answer of a reviewer that is also the judge: the verdicts first, then the review that follows from them."""

    # The last base's fields come first in the schema, and a model fills a schema in its order.


class Judgement(BaseModel):
    """The judge's verdict on one claim, from its cited spans alone."""

    verdict: Literal[Support.SUPPORTED, Support.CONTRADICTED, Support.UNSUPPORTED]
    score: float = Field(ge=0.0, le=1.0, description="Support from 0 (none) to 1 (stated in so many words).")


ROLE_SCHEMAS: tuple[type[BaseModel], ...] = (
    ResearchPlan,
    Analysis,
    WrittenDraft,
    Review,
    Judgement,
    Verdicts,
    JudgedReview,
)
"""Every schema that a role requests from a model."""
