"""The published text: numbered citations, masks of the same length, and what a report without claims says."""

from __future__ import annotations

import pytest

from nodes.rendering import MASK, find_masks, mask_all, masked_strings, refusal_text, render_answer
from state.channels import ResearchState
from state.values import Claim, Draft, Mask, Quote, Refusal, Status, Support
from tests.doubles.corpora import TEXTS, passage

ONE, TWO = passage("falcon", TEXTS["falcon"]), passage("heron", TEXTS["heron"])
BOTH = {each.evidence_id: each for each in (ONE, TWO)}
REFUSAL = Refusal(stage="question", policy="limits", category="too_long", reason="it is too long")


def quote(of, text="abc"):
    return Quote(evidence_id=of.evidence_id, start=0, end=len(text), quote=text)


def claim(text, *quotes, verdict=Support.SUPPORTED, **more):
    return Claim(id=text[:2], text=text, citations=quotes, verdict=verdict, **more)


def state(markdown="", *masks) -> ResearchState:
    return {"draft": Draft(markdown=markdown, revision=0, hash="h"), "masks": masks}


def test_sentences_stand_under_their_headings_with_numbers_in_the_order_of_first_citation():
    first = claim("One.", quote(TWO), quote(ONE), quote(TWO), section="A")
    claims = (first, claim("Two.", quote(ONE), section="A"), claim("Three.", quote(TWO), section="B"))
    rendered = render_answer(claims, BOTH, state("x"))
    assert rendered.markdown == "## A\n\nOne. [1][2]\n\nTwo. [2]\n\n## B\n\nThree. [1]"
    assert rendered.numbers == {TWO.evidence_id: 1, ONE.evidence_id: 2}
    assert (rendered.masks, rendered.secrets) == ((), ())


def test_a_claim_that_nobody_verified_says_so():
    rendered = render_answer((claim("One.", quote(ONE), verdict=Support.UNVERIFIED),), BOTH, state("x"))
    assert rendered.markdown == "One. [1] *(unverified)*"


def test_citations_of_unknown_evidence_are_left_out_and_so_are_claims_without_another():
    known = {ONE.evidence_id: ONE}
    rendered = render_answer((claim("One.", quote(TWO), quote(ONE)), claim("Two.", quote(TWO))), known, state("x"))
    assert rendered.markdown == "One. [1]"
    assert [each.citations for each in rendered.claims] == [(quote(ONE),)]


def test_what_a_guard_masks_is_nowhere_in_the_answer():
    markdown = "Write to ann@example.com. [E1]"
    mask = Mask(start=9, end=24, kind="EMAIL_ADDRESS")
    cited = quote(ONE, "reach ann@example.com")
    rendered = render_answer((claim("Write to ann@example.com.", cited),), BOTH, state(markdown, mask))
    blocks = MASK * 15
    assert rendered.markdown == f"Write to {blocks}. [1]"
    assert rendered.claims[0].text == f"Write to {blocks}."
    assert rendered.claims[0].citations[0].quote == f"reach {blocks}"
    assert (rendered.claims[0].citations[0].start, rendered.claims[0].citations[0].end) == (cited.start, cited.end)
    assert rendered.masks == (mask,)
    assert rendered.mask("ann@example.com!") == f"{blocks}!"


def test_longer_secrets_go_first_so_that_none_is_left_in_part():
    draft = Draft(markdown="ann ann@example.com", revision=0, hash="h")
    masks = (Mask(start=0, end=3, kind="NAME"), Mask(start=4, end=19, kind="EMAIL_ADDRESS"))
    assert masked_strings(draft, masks) == ("ann@example.com", "ann")
    assert mask_all("ann@example.com and ann", masked_strings(draft, masks)) == f"{MASK * 15} and {MASK * 3}"
    assert mask_all("a b", (" ",)) == "a b"


@pytest.mark.parametrize(("kinds", "kind"), [(("EMAIL",), "EMAIL"), (("EMAIL", "PHONE"), "several")])
def test_every_run_of_blocks_is_a_mask_of_the_published_text(kinds, kind):
    masks = tuple(Mask(start=n, end=n + 1, kind=each) for n, each in enumerate(kinds))
    found = find_masks(f"{MASK * 2}a{MASK} b {MASK}", state("xy", *masks))
    assert found == tuple(Mask(start=start, end=end, kind=kind) for start, end in ((0, 2), (3, 4), (7, 8)))


def test_blocks_that_no_guard_made_are_text():
    assert find_masks(MASK, state("x")) == ()


def test_a_refusal_names_its_policy_and_another_status_does_not():
    refused: ResearchState = {"refusal": REFUSAL}
    text = refusal_text(Status.REFUSED, "refused", refused)
    for part in ("question", "limits", "too_long", "it is too long"):
        assert part in text
    for status in (Status.ABSTAINED, Status.STOPPED):
        assert "limits" not in refusal_text(status, "budget_exceeded", refused)
    assert "budget_exceeded" in refusal_text(Status.STOPPED, "budget_exceeded", {})
    assert "budget_exceeded" not in refusal_text(Status.ABSTAINED, "budget_exceeded", {})
    assert "guard_failed" in refusal_text(Status.REFUSED, "guard_failed", {})
