"""Whatever a writer writes, only resolved ids and verbatim quotes are left after the code gate."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.citations import cited_sentences
from nodes.quotes import locate
from nodes.verifier import _claim, judge_all, tally, verbatim_only
from nodes.writer import new_draft
from retrieval.grounding import SupportScore, SupportScorer
from state.errors import BudgetExceeded, ModelUnavailable
from state.values import Claim, Quote, Support
from tests.doubles.corpora import TEXTS, StubCorpus, passage

PASSAGES = {f"E{n}": passage(name, text) for n, (name, text) in enumerate(TEXTS.items(), 1)}
IDS = {p.evidence_id for p in PASSAGES.values()}
pieces = st.sampled_from(
    [
        "The Falcon project started in 2019. ",
        "It was late ",
        "[E1] ",
        "[E2, E3] ",
        "[E7]. ",
        "[E1",
        "\n\n",
        "# H\n",
        "- ",
        "? ",
    ]
)


class Fixed(SupportScorer):
    name = "fixed"

    def __init__(self, result: SupportScore | Exception) -> None:
        self._result = result

    async def score(self, claim: str, spans: object) -> SupportScore:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@given(st.lists(pieces, max_size=15).map("".join))
def test_every_id_resolves_and_every_quote_is_verbatim(markdown: str) -> None:
    drafted = [_claim(n, s, PASSAGES, []) for n, s in enumerate(cited_sentences(markdown), 1)]
    claims = asyncio.run(verbatim_only(drafted, StubCorpus("c"), PASSAGES))  # type: ignore[arg-type]
    by_id = {p.evidence_id: p for p in PASSAGES.values()}
    for claim in claims:
        for quote in claim.citations:
            assert quote.evidence_id in IDS
            assert by_id[quote.evidence_id].text[quote.start : quote.end] == quote.quote


async def test_a_quote_that_moved_by_one_is_dropped() -> None:
    text = TEXTS["falcon"]
    moved = Quote(evidence_id=PASSAGES["E1"].evidence_id, start=1, end=11, quote=text[:10])
    kept = Quote(evidence_id=PASSAGES["E1"].evidence_id, start=0, end=10, quote=text[:10])
    claims = await verbatim_only([Claim(id="c1", text="t", citations=(moved, kept))], StubCorpus("c"), PASSAGES)  # type: ignore[arg-type]
    assert claims[0].citations == (kept,)


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


@given(st.sampled_from(sorted(SPANS)), st.integers(0, len(DOCUMENT) - 1), st.integers(1, len(DOCUMENT)))
def test_a_quote_of_the_document_is_kept_only_inside_the_cited_passage(alias: str, start: int, length: int) -> None:
    end = min(start + length, len(DOCUMENT))
    quote = Quote(evidence_id=PARTS[alias].evidence_id, start=start, end=end, quote=DOCUMENT[start:end])
    claim = Claim(id="c1", text="t", citations=(quote,))
    kept = asyncio.run(verbatim_only([claim], OneDocument(), PARTS))[0].citations  # type: ignore[arg-type]
    inside = SPANS[alias][0] <= start and end <= SPANS[alias][1]
    assert kept == ((quote,) if inside else ())


@pytest.mark.parametrize(("moved_start", "moved_end"), [(-1, 0), (0, 1), (-2, -1), (1, 2)])
async def test_a_quote_that_leaves_its_passage_by_one_character_is_refused(moved_start: int, moved_end: int) -> None:
    start, end = SPANS["E2"][0] + moved_start, SPANS["E2"][1] + moved_end
    quote = Quote(evidence_id=PARTS["E2"].evidence_id, start=start, end=end, quote=DOCUMENT[start:end])
    claims = await verbatim_only([Claim(id="c1", text="t", citations=(quote,))], OneDocument(), PARTS)  # type: ignore[arg-type]
    assert claims[0].citations == ()


@pytest.mark.parametrize("alias", sorted(SPANS))
def test_a_quote_is_located_in_the_cited_passage_alone(alias: str) -> None:
    start, end = SPANS[alias]
    own = locate(DOCUMENT[start:end], PARTS[alias])
    assert own is not None
    assert (own.start, own.end, own.quote) == (start, end, DOCUMENT[start:end])
    others = [locate(DOCUMENT[start:end], part) for name, part in PARTS.items() if name != alias]
    assert others == [None, None]


CITED = Claim(id="c1", text="t", citations=(Quote(evidence_id="EA", start=0, end=1, quote="x"),))


async def test_an_outage_is_unverified_and_an_uncited_claim_unsupported() -> None:
    claims, events = await judge_all([CITED, Claim(id="c2", text="u")], Fixed(ModelUnavailable("down")))
    assert [claim.verdict for claim in claims] == [Support.UNVERIFIED, Support.UNSUPPORTED]
    assert [event.kind for event in events] == ["judge_unavailable"]


async def test_a_spent_budget_ends_the_run_instead() -> None:
    with pytest.raises(BudgetExceeded):
        await judge_all([CITED], Fixed(BudgetExceeded("run", 1, 2)))


async def test_the_tally_counts_verdicts_and_coverage() -> None:
    claims, _ = await judge_all(
        [CITED, Claim(id="c2", text="u")], Fixed(SupportScore(verdict=Support.SUPPORTED, score=1.0))
    )
    counted = tally(claims, new_draft("m", None), "fixed")
    assert (counted.claims, counted.supported, counted.unsupported, counted.coverage) == (2, 1, 1, 0.5)
    assert counted.draft_hash == new_draft("m", None).hash
