"""Quotes that are not the canonical text are refused, verdicts are counted, invented aliases are told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.judge.cases import Case, decided
from nodes.outcome import tally
from nodes.quotes import Candidate, Source
from nodes.verifier import unknown_aliases, verbatim_only
from nodes.writer import new_draft
from state.values import Claim, ClaimFault, ClaimKind, Quote, Support
from tests.doubles.corpora import passage
from tests.nodes.judge.helpers import cases_of

DOCUMENT = "The hull is titanium. The keel is oak. The mast is ash. The sails are hemp."
SPANS = {"E1": (0, 21), "E2": (22, 38), "E3": (39, 55)}
PARTS = {
    alias: passage(alias, DOCUMENT[start:end]).model_copy(
        update={"document_id": "ship", "text_hash": "h", "start": start, "end": end}
    )
    for alias, (start, end) in SPANS.items()
}


class OneDocument:
    """A corpus of one document, of which `PARTS` are passages."""

    async def canonical_text(self, document_id: str, text_hash: str) -> str | None:
        return DOCUMENT if (document_id, text_hash) == ("ship", "h") else None


def quoting(alias: str, *spans: tuple[int, int]) -> Case:
    quotes = (
        Quote(evidence_id=PARTS[alias].evidence_id, start=start, end=end, quote=DOCUMENT[start:end])
        for start, end in spans
    )
    return Case(Claim(id="c1", text="t"), tuple(Candidate(Source(alias, PARTS[alias]), quote) for quote in quotes))


def checked(case: Case) -> Case:
    (found,) = asyncio.run(verbatim_only([case], OneDocument(), PARTS))  # type: ignore[arg-type]
    return found


@given(st.sampled_from(sorted(SPANS)), st.integers(0, len(DOCUMENT) - 1), st.integers(1, len(DOCUMENT)))
def test_a_quote_of_the_document_is_kept_only_inside_the_cited_passage(alias: str, start: int, length: int) -> None:
    end = min(start + length, len(DOCUMENT))
    case = quoting(alias, (start, end))
    inside = SPANS[alias][0] <= start and end <= SPANS[alias][1]
    assert checked(case).candidates == (case.candidates if inside else ())


@pytest.mark.parametrize(("moved_start", "moved_end"), [(-1, 0), (0, 1), (-2, -1), (1, 2)])
def test_a_quote_that_leaves_its_passage_by_one_character_is_refused(moved_start: int, moved_end: int) -> None:
    start, end = SPANS["E2"]
    case = checked(quoting("E2", (start + moved_start, end + moved_end), (start, end)))
    assert [each.quote.quote for each in case.candidates] == ["The keel is oak."]
    assert case.open


def test_a_quote_that_moved_by_one_is_refused_and_a_claim_without_quotes_fails() -> None:
    case = quoting("E1", (0, 10))
    moved = replace(case.candidates[0], quote=case.candidates[0].quote.model_copy(update={"start": 1, "end": 11}))
    found = decided(checked(replace(case, candidates=(moved,))))
    assert (found.verdict, found.fault, found.citations) == (Support.UNSUPPORTED, ClaimFault.UNCITED, ())


def test_the_tally_counts_verdicts_and_coverage_and_no_headings() -> None:
    quote = Quote(evidence_id="EA", start=0, end=1, quote="x")
    claims = [
        Claim(id="c1", text="t", verdict=Support.SUPPORTED, citations=(quote,)),
        Claim(id="c2", text="u", verdict=Support.UNSUPPORTED),
        Claim(id="c3", text="v", kind=ClaimKind.HEADING, verdict=Support.SUPPORTED),
    ]
    counted = tally(claims, new_draft("m", None), "fixed")
    assert (counted.claims, counted.supported, counted.unsupported, counted.coverage) == (2, 1, 1, 0.5)
    assert (counted.draft_hash, counted.judge) == (new_draft("m", None).hash, "fixed")
    assert tally([], new_draft("m", None), "fixed").coverage == 0.0


def test_invented_aliases_are_told_by_their_number() -> None:
    (event,) = unknown_aliases(cases_of("It is so [E7, E8]. It is late [E1, E9]."))
    assert (event.kind, event.detail) == ("unknown_alias", "3 citations name no passage of the run")
    assert unknown_aliases(cases_of("It is late [E1].")) == ()
