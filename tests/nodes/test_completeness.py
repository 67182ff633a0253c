"""What a report says of an answer that may not be all."""

from __future__ import annotations

import pytest

from nodes.research.completeness import completeness
from state.report import CorpusRef
from state.values import Claim, Passage, Quote
from tests.doubles.corpora import passage

TIERS = passage("tiers", "The tiers are:\n- Tier A, ten a minute\n- Tier B, twenty a minute\n\nAsk for more.")
OTHER = passage("other", "Tier C is for partners.")
CORPUS = CorpusRef(name="small", version=1, documents=3, passages=9)
ALL = "List all rate tiers with their limits."
MAY = ["The list may be incomplete: it holds what the retrieved passages say."]


def claim(source: Passage, text: str) -> Claim:
    start = source.text.index(text)
    quote = Quote(evidence_id=source.evidence_id, start=start, end=start + len(text), quote=text)
    return Claim(id="c1", text=text, citations=(quote,))


def told(question: str, *claims: Claim) -> list[str]:
    passages = {each.evidence_id: each for each in (TIERS, OTHER)}
    return list(completeness(question, claims, passages, CORPUS))


@pytest.mark.parametrize("question", [ALL, "Which tiers are there?", "Welche Tarife gibt es?"])
def test_a_list_from_several_documents_may_be_incomplete(question: str) -> None:
    assert told(question, claim(TIERS, "Tier A, ten a minute"), claim(OTHER, OTHER.text)) == MAY


def test_a_list_that_ends_inside_its_passage_is_whole_and_one_that_reaches_its_end_may_go_on() -> None:
    assert told(ALL, claim(TIERS, "- Tier A, ten a minute\n- Tier B, twenty a minute")) == []
    assert told(ALL, claim(TIERS, "Ask for more.")) == MAY
    assert told(ALL, claim(OTHER, OTHER.text)) == []


def test_an_overview_says_how_many_documents_it_draws_on() -> None:
    assert told("Summarise the whole handbook.", claim(OTHER, OTHER.text)) == [
        "The answer draws on 1 of the 3 documents."
    ]


def test_nothing_is_said_of_other_questions_and_of_reports_without_claims() -> None:
    assert told("What does tier C cost?", claim(TIERS, "Ask for more."), claim(OTHER, OTHER.text)) == []
    assert told(ALL) == []
