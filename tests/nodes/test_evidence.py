"""Evidence is packed by the room of the model, whole passages only."""

from __future__ import annotations

from nodes.evidence import evidence_items
from state.values import Hit, Scores
from tests.doubles.corpora import TEXTS, passage

PASSAGES = {f"E{n}": passage(name, text) for n, (name, text) in enumerate(TEXTS.items(), 1)}
HITS = [
    Hit(evidence_id=p.evidence_id, sub_question="q1", scores=Scores(fused=score))
    for p, score in zip(PASSAGES.values(), (0.2, 0.9, 0.5), strict=True)
]


def test_the_best_passages_come_first_and_whole() -> None:
    items = evidence_items(PASSAGES, HITS, budget_chars=500)
    assert [item.alias for item in items] == ["E2", "E3"]
    assert all(item.text == PASSAGES[item.alias].text for item in items)


def test_one_passage_always_stays() -> None:
    assert [item.alias for item in evidence_items(PASSAGES, HITS, budget_chars=-1)] == ["E2"]


def test_what_asked_for_a_passage_is_named() -> None:
    again = Hit(evidence_id=HITS[0].evidence_id, sub_question="q2", scores=Scores(fused=0.7))
    first = {item.alias: item for item in evidence_items(PASSAGES, [*HITS, again], budget_chars=9999)}["E1"]
    assert (first.sub_questions, first.score) == (("q1", "q2"), 0.7)
