"""The graph's channels: input, state and output schemas, the run context, and the reducers.

A thread keeps `messages` and `history` from run to run; `guard_input` resets every other channel when a run starts.
"""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import (
    TypedDict,  # LangGraph's server builds schemas with pydantic, which rejects `typing.TypedDict` before Python 3.12
)

from state.report import CorpusRef
from state.styles import Form, Length
from state.values import (
    NUMBER,
    ONCE_A_RUN,
    Claim,
    Draft,
    DraftReview,
    Event,
    Finding,
    Gap,
    Hit,
    JsonFloat,
    JsonInt,
    JudgedClaim,
    Mask,
    PastRun,
    Refusal,
    ReviewFinding,
    Status,
    SubQuestion,
    Turn,
    Usage,
    Verification,
    Withheld,
)


def merge_hits(left: tuple[Hit, ...], right: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """Return the union by passage and sub-question, sorted."""
    # Branches finish in any order. Without the sort, two runs of one question would number their aliases differently.
    merged = {(hit.sub_question, hit.evidence_id): hit for hit in (*left, *right)}
    return tuple(
        sorted(
            merged.values(),
            key=lambda hit: (_ordinal(hit.sub_question), hit.neighbour, -(hit.scores.best or 0.0), hit.evidence_id),
        )
    )


def merge_screened(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sorted union of evidence ids."""
    return tuple(sorted({*left, *right}))


def merge_withheld(left: tuple[Withheld, ...], right: tuple[Withheld, ...]) -> tuple[Withheld, ...]:
    """Append what is withheld anew, each once: nothing that was withheld is ever shown again."""
    return tuple(dict.fromkeys((*left, *right)))


def merge_timings(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    """Add up the times of each node, which may run several times, in the order in which the nodes ran first."""
    return {node: left.get(node, 0) + right.get(node, 0) for node in {**left, **right}}


def merge_usage(left: dict[str, Usage], right: dict[str, Usage]) -> dict[str, Usage]:
    """Add up what each role used."""
    return {role: left.get(role, Usage()) + right.get(role, Usage()) for role in sorted({*left, *right})}


def append_events(left: tuple[Event, ...], right: tuple[Event, ...]) -> tuple[Event, ...]:
    """Append the new events, each once; a kind of `ONCE_A_RUN` once for all nodes, under the name of the first."""
    found: dict[Event, Event] = {}
    for event in (*left, *right):
        found.setdefault(_identity(event), event)
    return tuple(found.values())


def _identity(event: Event) -> Event:
    return event.model_copy(update={"node": ""}) if event.kind in ONCE_A_RUN else event


def _ordinal(sub_question: str) -> int:
    return int(sub_question[1:]) if sub_question[1:].isdecimal() else 0


class ResearchInput(TypedDict, total=False):
    """Either `question`, or `messages`, where the last human message is the question.

    `refusal` is set when the caller screened and refused the question already. LangGraph checkpoints the raw input
    before the first node runs, so a refused question must not reach the graph. `noticed` are the events of that
    screening.
    """

    question: Annotated[str, Field(description="The question, in plain words. Or give `messages`.")]
    messages: Annotated[
        list[AnyMessage],
        Field(description="A conversation. Its last message of a person is the question; the answer is appended."),
        add_messages,
    ]
    refusal: Annotated[Refusal | None, Field(description="For the service alone: a guard has refused the question.")]
    noticed: Annotated[tuple[Event, ...], Field(description="For the service alone: what its guards noticed.")]


class ResearchState(TypedDict, total=False):
    """Every channel: references and short facts, never passage texts, which would be copied into each checkpoint."""

    # Kept from run to run.
    messages: Annotated[list[AnyMessage], add_messages]
    history: tuple[PastRun, ...]
    # Reset by `nodes.guard_input.fresh_run` when a run starts. `publish` also clears the inputs.
    question: str
    conversation: tuple[Turn, ...]
    run_id: str
    today: str
    standalone_question: str
    corpus: CorpusRef | None
    sub_questions: tuple[SubQuestion, ...]
    sections: tuple[str, ...]
    hits: Annotated[tuple[Hit, ...], merge_hits]
    prior_work: tuple[str, ...]
    dropped: Annotated[tuple[str, ...], merge_screened]
    fenced: Annotated[tuple[str, ...], merge_screened]
    withheld: Annotated[tuple[Withheld, ...], merge_withheld]
    aliases: dict[str, str]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    draft: Draft | None
    claims: tuple[Claim, ...]
    verification: Verification
    judged: dict[str, JudgedClaim]
    draft_review: DraftReview | None
    review: tuple[ReviewFinding, ...]
    person: str
    masks: tuple[Mask, ...]
    research_rounds: int
    revisions: int
    status: Status | None
    stop_reason: str
    refusal: Refusal | None
    noticed: tuple[Event, ...]
    usage: Usage
    usage_by_role: Annotated[dict[str, Usage], merge_usage]
    events: Annotated[tuple[Event, ...], append_events]
    timings_ms: Annotated[dict[str, int], merge_timings]
    report: dict[str, Any]


class ResearchOutput(TypedDict, total=False):
    """The graph's output: the report as JSON, and the conversation."""

    report: Annotated[dict[str, Any], Field(description="The report: its text, claims, citations and sources.")]
    messages: Annotated[
        list[AnyMessage], Field(description="The conversation, with the answer at its end."), add_messages
    ]


class RetrieveInput(TypedDict):
    """The input of one `retrieve` branch, passed by `Send`."""

    sub_question: SubQuestion


CORPUS_NAME = r"^[A-Za-z0-9](?:\.?[A-Za-z0-9_-])*$"
"""The pattern that `settings.checked_name` enforces, for published schemas."""

_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_LISTED: dict[str, Any] = {"type": "array", "items": _SCALAR}
_FILTER: dict[str, Any] = {"type": "object", "minProperties": 1}
_FILTERS: dict[str, Any] = {"type": "array", "items": _FILTER, "minItems": 1}
_ORDERED: dict[str, Any] = {"type": ["string", "number"]}
_OPERATORS: dict[str, Any] = {
    **dict.fromkeys(("$eq", "$ne"), _SCALAR),
    **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), _ORDERED),
    **dict.fromkeys(("$in", "$nin"), _LISTED),
    "$exists": {"type": "boolean"},
    "$not": _FILTER,
}
WHERE: dict[str, Any] = {
    "properties": {
        **dict.fromkeys(("$and", "$or"), _FILTERS),
        "$not": _FILTER,
    },
    "patternProperties": {
        r"^(\$(title|source|kind)|[A-Za-z_][A-Za-z0-9_.-]{0,63})$": {
            "anyOf": [_SCALAR, {**_FILTER, "properties": _OPERATORS, "additionalProperties": False}]
        }
    },
    "additionalProperties": False,
}
"""JSON schema of a filter, without what stands in the filters within it; `retrieval.filters` enforces it."""


class ResearchContext(BaseModel):
    """The caller's options for one run. Plain JSON, so that LangGraph Studio can show them as a form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str = Field("local", description="Tenant that owns the corpora, threads and memory.")
    corpus: str = Field("default", pattern=CORPUS_NAME, max_length=64, description="Name of the corpus to answer from.")
    model: str = Field("", description="Model id for every role; empty: the configured model.")
    models: dict[str, str] = Field({}, description="Model id by role; overrides `model`.")
    temperature: JsonFloat = Field(0.0, ge=0, le=2, description="Sampling temperature.")
    max_output_tokens: Annotated[int, Field(ge=64, le=131_072), NUMBER] | None = Field(
        None, description="Longest answer of a model, in tokens, for every role; default: by role and `length`."
    )
    k: Annotated[int, Field(ge=1, le=50), NUMBER] | None = Field(
        None, description="Passages per sub-question; default: the setting `retrieval.passages_per_sub_question`."
    )
    length: Length = Field("standard", description="How long the answer is.")
    form: Form = Field("answer", description="The form of the answer. The extractive model ignores it.")
    max_sub_questions: JsonInt = Field(4, ge=1, le=6, description="Sub-questions per round.")
    max_research_rounds: JsonInt = Field(2, ge=1, le=6, description="Rounds of retrieval.")
    max_revisions: JsonInt = Field(2, ge=0, le=6, description="Revisions of the draft.")
    budget_micro_usd: Annotated[int, Field(ge=1), NUMBER] | None = Field(
        None, description="Hard limit of the run, in micro-dollars."
    )
    human_review: bool = Field(False, strict=True, description="Wait for a person's decision before publishing.")
    where: dict[str, Any] = Field({}, json_schema_extra=WHERE, description="Metadata filter on passages.")
    principal: str = Field("", description="The caller's principal. A server sets it and ignores the client's value.")
    audiences: tuple[str, ...] | None = Field(
        None,
        description="The caller's audiences: passages of another `audience` stay hidden. `null`: no restriction.",
    )
