"""Reducers, and strict message-pack round trips of every channel."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graphs.persistence.checkpointed import checkpointed_types
from nodes.guard_input import fresh_run
from state.channels import (
    ResearchInput,
    ResearchOutput,
    ResearchState,
    append_events,
    merge_hits,
    merge_screened,
    merge_timings,
)
from state.report import CorpusRef
from state.values import (
    MODEL_RETIRING,
    Claim,
    ClaimFault,
    Draft,
    DraftReview,
    Event,
    Finding,
    Gap,
    Hit,
    JudgedClaim,
    Mask,
    PastRun,
    Quote,
    Refusal,
    ReviewFinding,
    Scores,
    Severity,
    Status,
    SubQuestion,
    Support,
    Turn,
    Usage,
    Verification,
    Withheld,
)

QUOTE = Quote(evidence_id="EA", start=1, end=4, quote="abc")
FULL_STATE: dict[str, object] = {
    "messages": [HumanMessage("q", id="1"), AIMessage("a", id="2")],
    "history": (PastRun(run_id="r", question="q", status=Status.ANSWERED, summary="s"),),
    "question": "q",
    "conversation": (Turn(question="Why?", answer="Because."),),
    "run_id": "r",
    "today": "2026-11-27",
    "standalone_question": "q",
    "corpus": CorpusRef(name="c", version=3, documents=1, passages=2),
    "sub_questions": (SubQuestion(id="q1", text="q"),),
    "sections": ("Costs",),
    "hits": (Hit(evidence_id="EA", sub_question="q1", scores=Scores(keyword=1.5)),),
    "prior_work": ("earlier",),
    "dropped": ("EB",),
    "fenced": ("EC",),
    "withheld": (Withheld(evidence_id="EC", masks=(Mask(start=3, end=9, kind="prompt_injection"),)),),
    "aliases": {"E1": "EA"},
    "findings": (Finding(id="f1", statement="s", sub_question="q1", quotes=(QUOTE,)),),
    "gaps": (Gap(sub_question="q1", missing="m"),),
    "draft": Draft(markdown="m", hash="h", revision=1),
    "claims": (Claim(id="c1", text="t", verdict=Support.CONTRADICTED, fault=ClaimFault.DATE, citations=(QUOTE,)),),
    "verification": Verification(claims=1, contradicted=1, draft_hash="h"),
    "judged": {"k": JudgedClaim(verdict=Support.SUPPORTED, carried=(0, 2), reason="it says so")},
    "draft_review": DraftReview(
        draft_hash="h",
        verdict="revise",
        findings=(ReviewFinding(claim_id="c1", severity=Severity.MINOR, remedy="r"),),
    ),
    "review": (ReviewFinding(claim_id="c1", severity=Severity.MAJOR, remedy="r"),),
    "person": "p",
    "masks": (Mask(start=0, end=1, kind="EMAIL_ADDRESS"),),
    "research_rounds": 1,
    "revisions": 2,
    "status": Status.PARTIAL,
    "stop_reason": "x",
    "refusal": Refusal(stage="question", policy="p", category="c", reason="r"),
    "noticed": (Event(node="guard_input", kind="would_refuse", detail="question: c"),),
    "usage": Usage(calls=1, cost_micro_usd=7),
    "usage_by_role": {"writer": Usage(calls=1, output_chars=9)},
    "events": (Event(node="n", kind="k", detail="d"),),
    "timings_ms": {"writer": 3},
    "report": {"status": "partial"},
}

hits = st.builds(
    Hit,
    evidence_id=st.sampled_from(["EA", "EB", "EC"]),
    sub_question=st.sampled_from(["q1", "q2", "q10"]),
    scores=st.builds(Scores, fused=st.none() | st.floats(0, 1)),
)


def test_every_channel_is_covered_here() -> None:
    assert set(FULL_STATE) == set(get_type_hints(ResearchState))


@pytest.mark.parametrize("channel", sorted(FULL_STATE))
def test_channel_round_trips_in_strict_message_pack(channel: str) -> None:
    serde = JsonPlusSerializer(allowed_msgpack_modules=checkpointed_types())
    value = FULL_STATE[channel]
    back = serde.loads_typed(serde.dumps_typed(value))
    if isinstance(value, tuple):
        back = tuple(back)
    assert back == value
    assert type(back) is type(value)


def test_input_and_output_are_channels_of_the_state() -> None:
    state = set(get_type_hints(ResearchState))
    assert set(get_type_hints(ResearchInput)) <= state
    assert set(get_type_hints(ResearchOutput)) <= state


def test_a_fresh_run_resets_every_channel_that_does_not_outlive_it() -> None:
    kept = {"messages", "history", "question"}
    assert set(fresh_run("r")) == set(get_type_hints(ResearchState)) - kept


@given(st.lists(hits, max_size=6), st.lists(hits, max_size=6))
def test_hits_merge_without_duplicates_in_a_stable_order(left: list[Hit], right: list[Hit]) -> None:
    merged = merge_hits(tuple(left), tuple(right))
    keys = [(hit.sub_question, hit.evidence_id) for hit in merged]
    assert len(keys) == len(set(keys))
    assert set(keys) == {(hit.sub_question, hit.evidence_id) for hit in (*left, *right)}
    assert merge_hits(merged, ()) == merged == merge_hits((), merged)


@given(*[st.lists(st.sampled_from("abcd"), max_size=4).map(tuple)] * 3)
def test_screened_ids_merge_in_any_order(a: tuple[str, ...], b: tuple[str, ...], c: tuple[str, ...]) -> None:
    assert merge_screened(merge_screened(a, b), c) == merge_screened(a, merge_screened(c, b))


@given(*[st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))] * 2)
def test_timings_add_up(left: dict[str, int], right: dict[str, int]) -> None:
    merged = merge_timings(left, right)
    assert sum(merged.values()) == sum(left.values()) + sum(right.values())
    assert merged == merge_timings(right, left)
    assert [*merged] == [*dict.fromkeys([*left, *right])]


def test_events_are_kept_once() -> None:
    event = Event(node="n", kind="k", detail="d")
    assert append_events((event,), (event,)) == (event,)
    other = Event(node="n", kind="k", detail="e")
    assert append_events((event,), (other,)) == (event, other)


def test_what_many_nodes_notice_alike_is_kept_once_under_the_first() -> None:
    first, later = (Event(node=node, kind=MODEL_RETIRING, detail="d") for node in ("writer", "reviewer"))
    assert append_events((first,), (later,)) == (first,)
    assert append_events((), (first, first)) == (first,)
    other = Event(node="reviewer", kind=MODEL_RETIRING, detail="e")
    assert append_events((first,), (later, other)) == (first, other)
