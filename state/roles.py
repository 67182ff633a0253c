"""Role schemas: the structured answer of each role's chat model. Nodes check every field before they use it.

Models name evidence by its alias in the evidence block (`E1`, `E2`, …); code resolves aliases. Models never see ids.
The descriptions are part of the prompt: changing one changes what models answer. Bounds stand in the prompts and are
applied by the nodes, which cut what is too long: a plan of seven sub-questions is no reason to ask again. `maxItems` is
for servers that turn the schema into a grammar: it ends the list of a model that would go on for ever.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from state.values import FindingKind, Severity, Support


def _lower(value: Any) -> Any:
    """Return a word of an enum as it is spelled there: `Research more` means `research_more`."""
    return "_".join(value.lower().replace("-", " ").split()) if isinstance(value, str) else value


def _kind(value: Any) -> Any:
    """Return `conflict` or `fact`. Models invent kinds such as `definition`, and each of these is a fact."""
    return "conflict" if _lower(value) == "conflict" else "fact"


_ANY_CASE = BeforeValidator(_lower)


class ResearchPlan(BaseModel):
    """The researcher's answer."""

    standalone_question: str = Field(
        default="",
        description="The user's question, complete without the conversation. Word by word as asked where nothing in it "
        "refers to the conversation.",
    )
    # Required, though it may be empty: an answer's last JSON object that fits is taken, and any object fits a schema in
    # which nothing is required.
    sub_questions: list[str] = Field(
        description="One search each: the fewest questions whose answers together answer the question. Each names what "
        "it speaks of and is understood alone.",
        json_schema_extra={"maxItems": 6},
    )
    sections: list[str] = Field(
        default_factory=list,
        description="Titles of the report's sections in order, each naming a subject. Empty for a short answer.",
        json_schema_extra={"maxItems": 8},
    )


class QuotedEvidence(BaseModel):
    """A verbatim quote and the alias of its passage."""

    evidence: str = Field(description="Alias of the passage, for example `E3`.")
    quote: str = Field(description="Whole sentences or rows copied from the passage's `text`, character by character.")


class ProposedFinding(BaseModel):
    """One finding of the analyzer."""

    statement: str = Field(
        description="What the quotes say, complete by itself: who or what, number with unit, condition, date, version."
    )
    kind: Annotated[FindingKind, BeforeValidator(_kind)] = Field(
        default=FindingKind.FACT,
        description="`fact`, or `conflict` where documents disagree: then it states and quotes both sides.",
    )
    sub_question: str = Field(default="", description="Id of the sub-question that it answers, for example `q1`.")
    quotes: list[QuotedEvidence] = Field(
        default_factory=list, description="The quotes that carry the statement, at least one."
    )


class ProposedGap(BaseModel):
    """Something that the evidence does not say."""

    sub_question: str = Field(default="", description="Id of the sub-question that is not, or not wholly, answered.")
    missing: str = Field(
        default="", description="What to look for next, with the names that are known by now, in one sentence."
    )


class Decision(StrEnum):
    """The next step that the analyzer proposes."""

    ENOUGH = "enough"
    RESEARCH_MORE = "research_more"
    NOTHING = "nothing"


class Analysis(BaseModel):
    """The analyzer's answer. `probabilities` is set by the extractive model alone: no prompt asks for it."""

    # Required, though it may be empty: an object with a `decision` alone is no analysis.
    findings: list[ProposedFinding] = Field(description="What the passages answer. Empty if they answer nothing.")
    gaps: list[ProposedGap] = Field(
        default_factory=list, description="One for each sub-question that stays open, wholly or in part."
    )
    decision: Annotated[Decision, _ANY_CASE] = Field(
        description="`enough`; `research_more` if another search may close a gap; `nothing` if nothing was answered."
    )
    probabilities: SkipJsonSchema[dict[str, float]] = Field(default_factory=dict)
    """By sub-question, how probable it is that the findings answer it."""


class WrittenDraft(BaseModel):
    """The writer's answer: Markdown, as plain text or as JSON. `cut_off` is set by the gateway, never by a model."""

    bare_text: ClassVar[str] = "markdown"
    """The field that a plain text fills."""

    markdown: str = Field(
        min_length=1, description="The answer as Markdown. Every sentence, list item and table row cites, as `[E3]`."
    )
    cut_off: SkipJsonSchema[bool] = False


class ProposedReviewFinding(BaseModel):
    """One objection of the reviewer."""

    claim_id: str = Field(default="", description="Id of the claim, for example `c3`; empty for the draft as a whole.")
    severity: Annotated[Severity, _ANY_CASE] = Field(
        default=Severity.MAJOR, description="`critical`: misleads. `major`: incomplete or unusable. `minor`: wording."
    )
    remedy: str = Field(default="", description="What the writer should change, in one sentence.")


class Review(BaseModel):
    """The reviewer's answer."""

    verdict: Annotated[Literal["approve", "revise", "needs_human"], _ANY_CASE] = Field(
        description="`approve`; `revise` if the writer can mend it from the findings; `needs_human` if neither."
    )
    findings: list[ProposedReviewFinding] = Field(description="The objections; empty if there is none.")


class ClaimVerdict(BaseModel):
    """The judge's verdict on one claim."""

    claim: str = Field(description="Id of the claim, for example `c3`.")
    verdict: Annotated[Support, _ANY_CASE] = Field(
        description="`supported`, `contradicted`, `unsupported`, or `unverified` if you cannot tell what it means."
    )
    carried_by: list[str] = Field(
        default_factory=list,
        description="Ids of the quotes that carry a supported claim, for example `c3a`; empty otherwise.",
    )
    reason: str = Field(default="", description="The words that decide, in one sentence.")


class Verdicts(BaseModel):
    """The judge's answer: a verdict for each claim of the draft."""

    verdicts: list[ClaimVerdict] = Field(description="One verdict for every claim, in the order of the claims.")


class JudgedReview(Review, Verdicts):
    """The answer of a reviewer that is also the judge: the verdicts first, then the review that follows from them."""

    # The last base's fields come first in the schema, and a model fills a schema in its order.


ROLE_SCHEMAS: tuple[type[BaseModel], ...] = (
    ResearchPlan,
    Analysis,
    WrittenDraft,
    Review,
    Verdicts,
    JudgedReview,
)
"""Every schema that a role requests from a model."""
