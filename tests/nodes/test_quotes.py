"""Locating a quote in its passage, and choosing the quotes that may carry a claim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.quotes import Source, candidates, locate, merged, span_quote, whole_quote
from state.values import Passage, Quote
from tests.doubles.corpora import passage

P = passage("falcon", "The Falcon project started in 2019. Its “budget” was 40\nmillion dollars. It went well.")
DOCUMENT = "The hull is titanium. The keel is oak. The mast is ash. The sails are hemp."
SPANS = {"E1": (0, 21), "E2": (22, 38), "E3": (39, 55)}
PARTS = {
    alias: passage(alias, DOCUMENT[start:end]).model_copy(update={"start": start, "end": end})
    for alias, (start, end) in SPANS.items()
}


def texts(claim: str, source: Passage, *found: Quote, context: str = "") -> list[str]:
    return [each.quote.quote for each in candidates(claim, context, Source("E1", source), found)]


def test_a_quote_is_found_verbatim_with_canonical_offsets() -> None:
    found = locate("started in 2019", P)
    assert found is not None
    assert P.text[found.start - P.start : found.end - P.start] == found.quote == "started in 2019"


def test_other_white_space_and_quote_marks_are_the_same_words() -> None:
    found = locate('Its "budget" was 40 million dollars.', P)
    assert found is not None
    assert found.quote == "Its “budget” was 40\nmillion dollars."


def test_other_words_are_not_found() -> None:
    assert locate("started in 2018", P) is None
    assert locate("", P) is None
    assert locate("  ", P) is None


def test_a_mark_in_a_document_is_found_as_models_see_it_and_kept_as_it_stands() -> None:
    marked = passage("m", "The tier is free. [E1, E2] It is large [3].")
    for copied in ("free. ⟦E1, E2⟧ It is large ⟦3⟧.", "free. [E1, E2] It is large [3]."):
        found = locate(copied, marked)
        assert found is not None
        assert found.quote == "free. [E1, E2] It is large [3]."


@given(st.data())
def test_any_slice_of_a_passage_is_located(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(P.text) - 4))
    end = data.draw(st.integers(start + 4, len(P.text)))
    found = locate(P.text[start:end], P)
    if len(P.text[start:end].strip()) >= 3:
        assert found is not None
        assert found.quote == P.text[found.start : found.end]


@pytest.mark.parametrize("alias", sorted(SPANS))
def test_a_quote_is_located_in_the_cited_passage_alone(alias: str) -> None:
    start, end = SPANS[alias]
    own = locate(DOCUMENT[start:end], PARTS[alias])
    assert own is not None
    assert (own.start, own.end, own.quote) == (start, end, DOCUMENT[start:end])
    others = [locate(DOCUMENT[start:end], part) for name, part in PARTS.items() if name != alias]
    assert others == [None, None]


NESTED = passage("n", "# Handbook\n\nNobody claims that the data is encrypted. The keys are safe.")


def test_a_part_of_a_sentence_is_quoted_as_the_whole_sentence() -> None:
    found = whole_quote("the data is encrypted", NESTED)
    assert found is not None
    assert found.quote == "Nobody claims that the data is encrypted."
    assert NESTED.text[found.start : found.end] == found.quote


@pytest.mark.parametrize("quote", ["# Handbook", "Handbook", "no such words"])
def test_a_heading_cannot_be_quoted(quote: str) -> None:
    assert whole_quote(quote, NESTED) is None


def test_the_best_quote_of_a_paraphrase_shares_its_words() -> None:
    assert texts("In 2019 the Falcon project began.", P)[0] == "The Falcon project started in 2019."


def test_what_the_analyzer_quoted_is_always_shown_and_no_quote_twice() -> None:
    quoted = span_quote(P, P.text.index("It went"), len(P.text))
    shown = texts("In 2019 the Falcon project began.", P, quoted, quoted)
    assert shown[0] == "The Falcon project started in 2019."
    assert shown.count("It went well.") == 1
    elsewhere = quoted.model_copy(update={"evidence_id": "EB"})
    assert texts("In 2019 the Falcon project began.", P, elsewhere)[0] == "The Falcon project started in 2019."


def test_a_claim_in_another_language_is_shown_what_the_analyzer_quoted() -> None:
    quoted = span_quote(P, 0, 35)
    assert texts("Der Beginn war früh.", P, quoted)[0] == "The Falcon project started in 2019."
    assert len(texts("Der Beginn war früh.", P)) == 3


def test_the_sentence_that_holds_the_claims_address_is_shown() -> None:
    text = "The guide answers every question about the guide. Ask for help at https://a.example/help today. Be brief."
    assert "https://a.example/help" in texts("The guide answers questions, see a.example/help.", passage("g", text))[0]


def test_a_quote_comes_with_the_sentence_before_it_and_a_row_with_its_header() -> None:
    first, second = candidates("Its budget was 40 million dollars.", "", Source("E1", P), ())[:2]
    assert first.before in ("The Falcon project started in 2019.", "")
    table = passage("t", "Prices:\n\n| tier | price |\n|---|---|\n| free | 0 dollars |\n| big | 9 dollars |")
    (row,) = candidates("The big tier has a price of 9 dollars.", "", Source("E1", table), (), most=1)
    assert (row.quote.quote, row.before) == ("| big | 9 dollars |", "| tier | price |")
    assert second.source.alias == "E1"


def test_a_claim_of_two_sentences_is_shown_both() -> None:
    tiers = passage(
        "t",
        "The platform has three rate tiers as presets. Each rate tier limits requests and characters. Each step from "
        "one tier to the next multiplies both limits by ten. Both limits of a rate tier apply at once.",
    )
    shown = texts("There are three rate tiers, and each step up multiplies both limits by ten.", tiers)
    assert "The platform has three rate tiers as presets." in shown
    assert "Each step from one tier to the next multiplies both limits by ten." in shown
    assert len(shown) == 3


def test_a_source_is_named_by_document_section_and_date() -> None:
    dated = P.model_copy(update={"heading_path": ("Falcon", "Costs"), "metadata": {"date": "2026-03-12"}})
    assert Source("E1", dated).name == "Falcon › Costs › 2026-03-12"


def test_a_passage_of_headings_alone_has_no_candidates() -> None:
    assert texts("The handbook is long.", passage("h", "# Handbook\n\n## Rates")) == []


def test_merging_drops_what_lies_inside_another_quote_of_the_same_passage() -> None:
    whole, part = Quote(evidence_id="A", start=0, end=9, quote="x"), Quote(evidence_id="A", start=2, end=5, quote="y")
    other = part.model_copy(update={"evidence_id": "B"})
    assert merged([part, whole, other, whole]) == (whole, other)
