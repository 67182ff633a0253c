"""What documentation needs of the ranker: code without a sentence, several excerpts of a manual, its own threshold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gateway.extractive.analysis import best_of
from gateway.extractive.features import ANSWER_FEATURES, IN_SECTION
from gateway.extractive.ranker import probability, trained_ranker
from gateway.extractive.reading import Candidate, candidates
from gateway.extractive.training.fit import rising
from gateway.extractive.writing import write
from state.evidence_block import EvidenceItem

CODE = "    pool = open_pool()\n    pool.resizePool(max_size=4)"
QUESTIONS = Path(__file__).parents[3] / "benchmarks" / "documentation-questions.jsonl"


def test_code_that_no_sentence_introduces_is_a_candidate() -> None:
    """Its names are taken apart, and its heading stands before it in what is embedded."""
    item = EvidenceItem(alias="E1", title="Pools", text=CODE, heading_path=("Resizing",))
    [found] = candidates({"question": "How do I resize a pool?"}, [item], 10).sentences
    assert found.is_code
    assert found.quote.strip() == CODE.strip()
    assert {"resiz", "pool"} <= found.terms
    assert found.context.startswith("Resizing: pool open pool")


def test_code_is_never_told_as_a_direct_answer() -> None:
    """It stands in its excerpt alone."""
    item = EvidenceItem(alias="E1", title="Pools", text=CODE)
    quotes = [{"evidence": "E1", "quote": CODE}]
    finding = {"statement": " ".join(CODE.split()), "sub_question": "q1", "evidence": ["E1"], "quotes": quotes}
    markdown = write({"findings": [finding]}, [item]).markdown
    assert markdown.count("resizePool") == 1
    assert "```" in markdown


def sentences(texts: list[tuple[str, str]]) -> tuple[Candidate, ...]:
    items = [
        EvidenceItem(alias=f"E{n}", title="Manual", source=source, text=text)
        for n, (source, text) in enumerate(texts, 1)
    ]
    return candidates({"question": "What is the limit of the pool?"}, items, 60).sentences


def test_a_manual_gives_four_excerpts_and_each_of_its_passages_two() -> None:
    """A passage of three sentences gives two of them, a document of three such passages four."""
    text = "The {0} pool has a limit. The limit of {0} is a number. Nobody changes the limit of {0} pools."
    found = sentences([("a", text.format("red")), ("a", text.format("blue")), ("a", text.format("green"))])
    chosen = best_of(found, [float(-n) for n in range(len(found))], 9)
    assert len(found) == 9
    assert [found[each].item.alias for each in chosen].count("E1") == 2
    assert len(chosen) == 4


def test_what_rises_does_not_fall_in_a_section_either() -> None:
    """A feature whose weight in sections outweighs its weight everywhere is left out there."""
    values = np.asarray([0.0, 1.0, 0.0, 1.0] * 20)
    inside = np.asarray([0.0, 0.0, 1.0, 1.0] * 20)
    labels = np.asarray([0.0, 1.0, 1.0, 0.0] * 20)
    names = ("shared", f"shared_{IN_SECTION}", IN_SECTION)
    rows = np.column_stack([values, values * inside, inside])
    head = rising(names, rows, labels, np.ones(80), 0.1, frozenset({"shared"}))
    assert f"shared_{IN_SECTION}" not in head.names


@pytest.mark.parametrize("inside", [False, True])
def test_evidence_under_headings_has_its_own_threshold(inside: bool) -> None:
    """The same answer is judged by the threshold of the place where its best sentence stands."""
    ranker = trained_ranker()
    row = np.zeros(len(ANSWER_FEATURES))
    row[ANSWER_FEATURES.index(IN_SECTION)] = float(inside)
    needed = ranker.answered_in_section if inside else ranker.answered
    assert ranker.answers(row) == (ranker.probability(row) >= needed)
    assert 0 < ranker.answered < ranker.answered_in_section < 1
    assert probability(0.0) == 0.5


def test_no_question_of_the_training_is_one_of_the_test() -> None:
    """Neither its words nor its marked place is."""
    test = QUESTIONS.parents[1] / "docs" / "reference" / "oracle-questions.jsonl"
    trained, judged = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in (QUESTIONS, test)
    )

    def places(rows: list[dict[str, object]]) -> set[str]:
        gold = [each for row in rows for each in row.get("gold", ()) if isinstance(each, dict)]  # type: ignore[attr-defined]
        return {" ".join(f"{each['document']} {each['text']}".split()) for each in gold}

    assert not {row["question"] for row in trained} & {row["question"] for row in judged}
    assert not places(trained) & places(judged)
