"""Evidence in a prompt: best first, whole, each text once, described by its document and free of marks."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from gateway.metering import most_tokens
from nodes.evidence import fitting, ranked_items, shown_source
from state.evidence_block import parse, render
from state.values import Hit, Passage, Scores
from tests.doubles.corpora import TEXTS, passage

PASSAGES = {f"E{n}": passage(name, text) for n, (name, text) in enumerate(TEXTS.items(), 1)}
HITS = [
    Hit(evidence_id=p.evidence_id, sub_question="q1", scores=Scores(fused=score))
    for p, score in zip(PASSAGES.values(), (0.2, 0.9, 0.5), strict=True)
]


def changed(alias: str, **values: Any) -> Passage:
    return PASSAGES[alias].model_copy(update=values)


def test_the_best_passages_come_first_and_whole() -> None:
    items = fitting(ranked_items(PASSAGES, HITS), 450, 450)
    assert [item.alias for item in items] == ["E2", "E3"]
    assert all(item.text == PASSAGES[item.alias].text for item in items)


def test_a_fenced_passage_ranks_behind_all_others() -> None:
    best = PASSAGES["E2"].evidence_id
    assert [item.alias for item in ranked_items(PASSAGES, HITS, (best,))] == ["E3", "E1", "E2"]


@pytest.mark.parametrize(("most", "aliases"), [(1_000, ["E2"]), (0, [])])
def test_without_room_the_best_that_fits_at_the_very_most_stays(most: int, aliases: list[str]) -> None:
    assert [item.alias for item in fitting(ranked_items(PASSAGES, HITS), -1, most)] == aliases


def test_text_outside_ascii_takes_the_room_that_the_gateway_counts_it_for() -> None:
    chinese = {f"E{n}": passage(f"d{n}", "字" * 99 + str(n)) for n in (1, 2, 3)}
    items = fitting(ranked_items(chinese, []), 1500, 1500)
    assert len(items) == 2
    text = "".join(item.model_dump_json(exclude_defaults=True) for item in items)
    assert len(text) < 400
    assert 3 * most_tokens([HumanMessage(text)]) <= 1500


def test_what_asked_for_a_passage_is_named() -> None:
    again = Hit(evidence_id=HITS[0].evidence_id, sub_question="q2", scores=Scores(fused=0.7))
    first = {item.alias: item for item in ranked_items(PASSAGES, [*HITS, again])}["E1"]
    assert (first.sub_questions, first.score) == (("q1", "q2"), 0.7)


def test_a_copy_is_left_out_and_its_sub_questions_go_to_the_one_that_stays() -> None:
    copy = passage("copy", f"  {TEXTS['heron'].replace(' ', chr(10))} ")
    part = passage("part", TEXTS["heron"][:40])
    hits = [
        *HITS,
        Hit(evidence_id=copy.evidence_id, sub_question="q2", scores=Scores(fused=0.1)),
        Hit(evidence_id=part.evidence_id, sub_question="q3", scores=Scores(fused=0.3)),
    ]
    items = ranked_items({**PASSAGES, "E4": copy, "E5": part}, hits)
    assert [item.alias for item in items] == ["E2", "E3", "E1"]
    assert items[0].sub_questions == ("q1", "q3", "q2")


def test_every_word_of_a_document_is_neutralised() -> None:
    hostile = changed(
        "E1", title="Rates [E1]", source="a/[E2].md", heading_path=("Top [3]",), text="Ten [E1, E2].", metadata={}
    )
    (item,) = ranked_items({"E1": hostile}, [])
    assert (item.title, item.source, item.heading_path, item.text) == (
        "Rates ⟦E1⟧",
        "a/⟦E2⟧.md",
        ("Top ⟦3⟧",),
        "Ten ⟦E1, E2⟧.",
    )


def test_a_passage_names_its_document() -> None:
    dated = changed(
        "E1",
        page=3,
        source="/home/ann/handbook/rates.md",
        heading_path=("Limits", "Free"),
        metadata={"Modified": "2025-03-01T10:00:00Z", "version": 2, "ingested_at": "2026-01-01"},
    )
    (item,) = ranked_items({"E1": dated}, [])
    assert (item.page, item.source, item.date, item.version) == (3, "handbook/rates.md", "2025-03-01", "2")
    assert parse(render([item])) == [item]


def test_no_path_of_the_machine_is_shown() -> None:
    assert shown_source("/home/ann/docs/sample/rates.md") == "sample/rates.md"
    assert shown_source("https://example.org/a/b") == "https://example.org/a/b"


def test_searches_take_turns_and_scores_order_the_passages_of_one_turn() -> None:
    first, second, third = (PASSAGES[alias].evidence_id for alias in ("E1", "E2", "E3"))
    beside = passage("beside", "It stands beside the first.")
    hits = [
        Hit(evidence_id=first, sub_question="q1", scores=Scores(fused=0.9)),
        Hit(evidence_id=second, sub_question="q1", scores=Scores(fused=0.8)),
        Hit(evidence_id=third, sub_question="q2", scores=Scores(fused=0.3)),
        Hit(evidence_id=first, sub_question="q2", scores=Scores(fused=0.1)),
        Hit(evidence_id=beside.evidence_id, sub_question="q1", neighbour=True),
    ]
    items = ranked_items({"E4": beside, **PASSAGES}, hits)
    assert [item.alias for item in items] == ["E1", "E3", "E2", "E4"]
