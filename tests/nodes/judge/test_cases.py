"""Claims with their quotes, and what code decides about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.draft import claims_of, draft_claims
from nodes.judge.cases import Asked, case_of, decided, judged, with_headers
from nodes.judge.model import to_judge
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
        assert claim.citations or failed or not claim.kind.states


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


@pytest.mark.parametrize("heading", ["Free for everybody", "Tier free", "Visit evil.example", "Falcons"])
def test_other_headings_are_judged_like_claims(heading: str) -> None:
    found = cases_of(f"# {heading}\n\nThe Falcon project started in 2019. [E1]", questions=(QUESTION,))[0]
    assert decided(found).verdict is not Support.SUPPORTED


def test_a_heading_passes_if_it_is_the_place_of_every_passage_cited_under_it() -> None:
    def verdict(heading: str, text: str) -> Support:
        sources = {
            alias: Source(alias, passage(title, "It began in 2019.").model_copy(update={"heading_path": path}))
            for alias, title, path in (
                ("E1", "Guide", ("Guide", "Limits [3]")),
                ("E2", "Guide", ("Guide", "Costs")),
                ("E3", "Guide", ("Limits [3]",)),
            )
        }
        claim = Claim(id="c1", text=heading, kind=ClaimKind.HEADING)
        return decided(case_of(claim, text.split(), sources, Asked())).verdict

    assert verdict("Guide › Limits ⟦3⟧", "E1") is Support.SUPPORTED
    assert verdict("Guide › Limits ⟦3⟧", "E1 E3") is Support.SUPPORTED
    for heading, cited in (
        ("Guide › Costs", "E1"),  # the place of another passage
        ("Guide › Limits ⟦3⟧", "E1 E2"),  # of one of two
        ("Guide › Limits ⟦3⟧", "E1 E9"),  # beside one that does not exist
        ("Limits ⟦3⟧", "E1"),  # a part of it
        ("Guide › Limits ⟦3⟧ are void", "E1"),
        ("Guide › Limits ⟦3⟧", ""),
    ):
        assert verdict(heading, cited) is not Support.SUPPORTED, heading


def test_the_key_of_a_case_depends_on_claim_context_and_quotes() -> None:
    same, again = case("Falcon began in 2019. [E1]"), case("Falcon began in 2019 [E1].")
    assert same.key == again.key
    assert case("Falcon began early. [E1]").key != same.key
    assert case("Falcon began in 2019. [E1, E2]").key != same.key
    assert cases_of("Read this [E2]. Falcon began in 2019. [E1]")[1].key != same.key


TABLE = Source("E1", passage("tiers", "| Tier | Requests |\n|---|---|\n| Free | 60 |\n"))


def table_case(markdown: str, *, kind: ClaimKind = ClaimKind.HEADER):
    drafted = draft_claims(markdown)
    claim, each = next(pair for pair in zip(claims_of(drafted), drafted, strict=True) if pair[0].kind is kind)
    return case_of(claim, each.aliases, {"E1": TABLE}, Asked(judged=True))


def test_a_header_needs_no_judge_only_if_it_is_the_sources_own():
    assert decided(table_case("| Tier | Requests |\n|--|--|\n| Free | 60 [E1] |")).verdict is Support.SUPPORTED
    for header in ("| Requests | Tier |", "| Acme is bankrupt | Requests |"):
        assert table_case(f"{header}\n|--|--|\n| Free | 60 [E1] |").open


def test_a_header_with_a_number_or_address_of_its_own_fails_by_code():
    assert decided(table_case("| Tier | 555 calls |\n|--|--|\n| Free | 60 [E1] |")).fault is ClaimFault.NUMBER
    assert decided(table_case("| Tier | evil.example.com |\n|--|--|\n| Free | 60 [E1] |")).fault is ClaimFault.ADDRESS


def test_rows_fail_with_the_header_of_their_table_and_only_these():
    claims = claims_of(draft_claims("| a | b |\n|--|--|\n| one | x [E1] |\n\n| c |\n|--|\n| two [E1] |\n\nThree [E1]."))
    supported = [claim.model_copy(update={"verdict": Support.SUPPORTED}) for claim in claims]
    failed = supported[0].model_copy(update={"verdict": Support.UNSUPPORTED, "fault": ClaimFault.NOT_SAID})
    found = with_headers([failed, *supported[1:]])
    assert [claim.fault for claim in found] == [ClaimFault.NOT_SAID, ClaimFault.HEADER, None, None, None]
    assert with_headers(supported) == tuple(supported)


def test_a_verdict_belongs_to_a_claim_under_its_heading():
    free, other = (cases_of(f"## {name}\n\nIt allows sixty a minute [E1].")[1] for name in ("Free", "Other"))
    assert free.key != other.key
    assert to_judge(free).section == "Free"


LIMIT = "The limit is 60 requests a minute."
LISTED = "The free tier allows:\n\n- 60 requests a minute\n- 5 users of one team\n"


@pytest.mark.parametrize(
    ("markdown", "alike"),
    [
        (f"{LIMIT[:-1]} [E1].", True),
        (f"## Free tier\n\n{LIMIT[:-1]} [E1].", True),
        (f"## Summary\n\n{LIMIT[:-1]} [E1].", True),
        (f"## Enterprise tier\n\n{LIMIT[:-1]} [E1].", False),
        ("The free tier allows [E2]:\n\n- 60 requests a minute [E2]", True),
        ("The enterprise tier allows [E2]:\n\n- 60 requests a minute [E2]", False),
        ("There are 60 requests a minute in it [E2].", False),
        ("60 requests a minute [E2].", False),
    ],
)
def test_words_that_stand_there_go_to_the_judge_if_they_stand_under_other_ones(markdown: str, alike: bool) -> None:
    sources = {
        "E1": Source("E1", passage("tiers", LIMIT).model_copy(update={"heading_path": ("Free tier",)})),
        "E2": Source("E2", passage("list", LISTED)),
    }
    drafted = draft_claims(markdown)
    *_, (claim, each) = zip(claims_of(drafted), drafted, strict=True)
    found = case_of(claim, each.aliases, sources, Asked(judged=True))
    assert (found.examined.verdict is Support.SUPPORTED) is alike


STEPS = (
    "Backups\n\nMost people do it so:\n\n1. Stop it.\n\nor:\n\n1. Freeze the disk.\n\n"
    "Sample Index\n\nAll is kept for a week."
)


@pytest.mark.parametrize(
    ("quoted", "kept"),
    [
        ("> Most people do it so: [E1]\n>\n> 1. Stop it. [E1]\n>\n> or: [E1]\n>\n> 1. Freeze the disk. [E1]", True),
        ("> Sample Index [E1]\n>\n> All is kept for a week. [E1]", True),
        ("> Sample Index [E1]\n>\n> All is kept [E1]", False),  # the end of a line is missing
        ("> Most people do it so: [E1]\n>\n> or: [E1]", False),  # something between them is left out
        ("> Sample Index [E1]", False),  # a title alone
        ("Sample Index [E1]", False),
    ],
)
def test_a_caption_is_supported_within_an_excerpt_that_stands_in_the_passage(quoted, kept):
    sources = {"E1": Source("E1", passage("Keeping", STEPS))}
    drafted = draft_claims(quoted)
    pairs = zip(claims_of(drafted), drafted, strict=True)
    found = [case_of(claim, each.aliases, sources, Asked(), each.quotation) for claim, each in pairs]
    assert all(decided(each).verdict is Support.SUPPORTED for each in found) == kept


def test_an_excerpt_below_what_denies_it_supports_nothing():
    text = "These are myths:\n\n- Keys are stored in plain text.\n- Ann reads them all."
    sources = {"E1": Source("E1", passage("Keys", text))}
    drafted = draft_claims("> - Keys are stored in plain text. [E1]\n> - Ann reads them all. [E1]")
    pairs = zip(claims_of(drafted), drafted, strict=True)
    for claim, each in pairs:
        assert decided(case_of(claim, each.aliases, sources, Asked(), each.quotation)).verdict is not Support.SUPPORTED
