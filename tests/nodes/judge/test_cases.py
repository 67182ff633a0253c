"""Claims with their quotes, and what code decides about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.judge.cases import Asked, case_of, decided, judged
from nodes.quotes import Source
from state.values import Claim, ClaimFault, ClaimKind, JudgedClaim, Support
from tests.doubles.corpora import passage
from tests.nodes.judge.helpers import SOURCES, case, cases_of

BY_ID = {source.passage.evidence_id: source.passage for source in SOURCES.values()}
PIECES = (
    "The Falcon project started in 2019. ", "It was late ", "Heron ended early ", "[E1] ", "[E2, E3] ", "[E7]. ",
    "[E1", "\n\n", "# H\n", "- ", "? ", "| a | b |\n|---|---|\n| c | d [E1] |\n", "`x` ",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=15).map("".join))
def test_every_id_resolves_every_quote_is_verbatim_and_every_failure_has_a_reason(markdown: str) -> None:
    for claim in map(decided, cases_of(markdown)):
        for quote in claim.citations:
            assert BY_ID[quote.evidence_id].text[quote.start : quote.end] == quote.quote
        failed = claim.verdict in (Support.UNSUPPORTED, Support.CONTRADICTED)
        assert (claim.fault is not None) == failed
        assert claim.citations or failed or claim.kind is ClaimKind.HEADING


@pytest.mark.parametrize(
    ("markdown", "fault"),
    [
        ("The Falcon project began in 2019.", ClaimFault.UNCITED),
        ("The Falcon project began in 2019 [E9].", ClaimFault.UNKNOWN_ALIAS),
        ("The Falcon project began in 2011 [E1].", ClaimFault.NUMBER),
        ("The Falcon project began in 2019, see https://evil.example/x [E1].", ClaimFault.ADDRESS),
        ("The Heron budget was published [E2].", ClaimFault.NEGATION),
        ("```\nrm -rf /\n```\n[E1]", ClaimFault.CODE),
    ],
)
def test_what_code_rejects_no_judge_is_asked_about(markdown: str, fault: ClaimFault) -> None:
    found = case(markdown, judged=True)
    assert not found.open
    assert decided(found).fault is fault
    assert decided(found).verdict in (Support.UNSUPPORTED, Support.CONTRADICTED)


def test_an_invented_alias_beside_a_real_one_is_dropped_and_the_claim_judged_by_the_real_one() -> None:
    found = case("The Falcon project started in 2019. [E1, E9]")
    assert found.unknown == ("E9",)
    assert decided(found).verdict is Support.SUPPORTED
    assert [quote.quote for quote in decided(found).citations] == ["The Falcon project started in 2019."]


def test_a_verbatim_claim_keeps_only_the_passages_that_say_it() -> None:
    found = decided(case("The Falcon project started in 2019. [E1, E2]"))
    assert (found.verdict, found.score) == (Support.SUPPORTED, 1.0)
    assert [quote.evidence_id for quote in found.citations] == [SOURCES["E1"].passage.evidence_id]


def test_a_paraphrase_is_unverified_without_a_judge_and_cites_each_passage_once() -> None:
    found = case("Falcon began in 2019, and Heron was over by 2021. [E1, E2]")
    assert found.open
    assert len(found.candidates) > 2
    claim = decided(found)
    assert (claim.verdict, claim.fault) == (Support.UNVERIFIED, None)
    assert [quote.quote for quote in claim.citations] == [
        "The Falcon project started in 2019.",
        "The Heron project ended in 2021.",
    ]


def test_a_sentence_that_points_back_is_judged_although_its_words_stand_there() -> None:
    markdown = "Heron used a titanium hull [E2]. Its budget was 40 million dollars [E1]."
    _, alone = cases_of(markdown)
    _, with_judge = cases_of(markdown, judged=True)
    assert decided(alone).verdict is Support.SUPPORTED
    assert with_judge.open


def test_a_judges_verdict_drops_the_quotes_that_carry_nothing() -> None:
    found = case("Falcon began in 2019. [E1, E2]")
    claim = judged(found, JudgedClaim(verdict=Support.SUPPORTED, carried=(0,), reason="it says so"))
    assert [quote.quote for quote in claim.citations] == [found.candidates[0].quote.quote]
    assert (claim.verdict, claim.fault, claim.reason) == (Support.SUPPORTED, None, "it says so")


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        (Support.UNSUPPORTED, ClaimFault.NOT_SAID),
        (Support.CONTRADICTED, ClaimFault.SAID_OTHERWISE),
        (Support.UNVERIFIED, None),
    ],
)
def test_any_other_verdict_has_its_reason(verdict: Support, fault: ClaimFault | None) -> None:
    claim = judged(case("Falcon began in 2019. [E1]"), JudgedClaim(verdict=verdict))
    assert (claim.verdict, claim.fault) == (verdict, fault)
    assert claim.citations


def test_an_address_must_stand_in_a_quote_that_carries_the_claim() -> None:
    text = "The guide answers every question. Help is at https://a.example/help for all callers."
    sources = {"E1": Source("E1", passage("guide", text))}
    claim = Claim(id="c1", text="Callers find help and answers at https://a.example/help.")
    found = case_of(claim, ["E1"], sources, Asked(judged=True))
    at = [n for n, each in enumerate(found.candidates) if "https" in each.quote.quote]
    elsewhere = [n for n, each in enumerate(found.candidates) if "https" not in each.words]
    assert judged(found, JudgedClaim(verdict=Support.SUPPORTED, carried=tuple(at))).verdict is Support.SUPPORTED
    wrong = judged(found, JudgedClaim(verdict=Support.SUPPORTED, carried=tuple(elsewhere)))
    assert (wrong.verdict, wrong.fault) == (Support.UNSUPPORTED, ClaimFault.ADDRESS)


QUESTION = "What does the free tier allow in a minute?"


@pytest.mark.parametrize("heading", ["Free tier", "the free tier", "Summary", "Short answer:", "Zusammenfassung"])
def test_headings_in_the_users_words_and_neutral_ones_pass(heading: str) -> None:
    found = cases_of(f"# {heading}\n\nThe Falcon project started in 2019. [E1]", questions=(QUESTION,))[0]
    assert decided(found).verdict is Support.SUPPORTED
    assert decided(found).citations == ()


@pytest.mark.parametrize("heading", ["Free for everybody", "Tier free", "Visit evil.example", "Falcon"])
def test_other_headings_are_judged_like_claims(heading: str) -> None:
    found = cases_of(f"# {heading}\n\nThe Falcon project started in 2019. [E1]", questions=(QUESTION,))[0]
    assert decided(found).verdict is not Support.SUPPORTED


def test_the_key_of_a_case_depends_on_claim_context_and_quotes() -> None:
    same, again = case("Falcon began in 2019. [E1]"), case("Falcon began in 2019 [E1].")
    assert same.key == again.key
    assert case("Falcon began early. [E1]").key != same.key
    assert case("Falcon began in 2019. [E1, E2]").key != same.key
    assert cases_of("Read this [E2]. Falcon began in 2019. [E1]")[1].key != same.key
