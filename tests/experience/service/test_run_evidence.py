"""Which passages reach the analyzer and the writer, from the channels of a run."""

from __future__ import annotations

from experience.service.evidence import run_evidence
from nodes.evidence import ranked_items
from state.values import Finding, Hit, Passage, Quote, Scores, SubQuestion


def hit(name: str, question: str, score: float | None, *, neighbour: bool = False) -> Hit:
    return Hit(evidence_id=name, sub_question=question, scores=Scores(fused=score), neighbour=neighbour)


HITS = (
    hit("a", "q1", 0.9),
    hit("b", "q1", 0.8),
    hit("beside", "q1", None, neighbour=True),
    hit("c", "q2", 0.95),
    hit("b", "q2", 0.2),
    hit("dropped", "q1", 1.0),
    hit("d", "q3", 0.4),
)
ALIASES = {"E1": "a", "E2": "b", "E3": "c", "E4": "beside", "E5": "d"}
VALUES = {
    "sub_questions": tuple(SubQuestion(id=f"q{n}", text="?", round=1 + (n == 3)) for n in (1, 2, 3)),
    "hits": HITS,
    "aliases": ALIASES,
    "fenced": ("c",),
    "findings": (
        Finding(id="f1", statement="s", sub_question="q1", quotes=(Quote(evidence_id="d", start=0, end=1, quote="x"),)),
    ),
}


def test_rounds_hold_what_was_screened_up_to_then_and_fenced_passages_last() -> None:
    first, second = run_evidence(VALUES).rounds
    assert first == ("a", "b", "beside", "c")
    assert set(second) - set(first) == {"d"}
    assert run_evidence(VALUES).quoted == ("d",)


def test_the_last_round_is_in_the_order_of_the_prompt() -> None:
    passages = {
        alias: Passage(evidence_id=key, document_id=key, title="", source="", start=0, end=1, text=f"{key} is a text")
        for alias, key in ALIASES.items()
    }
    prompt = [ALIASES[item.alias] for item in ranked_items(passages, HITS, ("c",))]
    assert list(run_evidence(VALUES).rounds[-1]) == prompt


def test_a_run_that_searched_nothing_has_no_evidence() -> None:
    assert run_evidence({}).rounds == ()
