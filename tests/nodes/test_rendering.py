"""The published text: numbered citations, and masks of the same length."""

from __future__ import annotations

import pytest

from nodes.draft import PlainText, draft_claims, prepared_draft
from nodes.rendering import find_masks, mask_all, masked_strings, render_answer
from state.channels import ResearchState
from state.report import published_claim
from state.values import MASK, Claim, ClaimKind, Draft, Mask, Quote, Support
from tests.doubles.corpora import TEXTS, passage

ONE, TWO = passage("falcon", TEXTS["falcon"]), passage("heron", TEXTS["heron"])
BOTH = {each.evidence_id: each for each in (ONE, TWO)}
ALIASES = {"E1": ONE.evidence_id, "E2": TWO.evidence_id}


def quote(of, text="abc"):
    return Quote(evidence_id=of.evidence_id, start=0, end=len(text), quote=text)


def state(markdown="", *masks) -> ResearchState:
    draft = Draft(markdown=prepared_draft(markdown), revision=0, hash="h")
    return {"draft": draft, "masks": masks, "aliases": ALIASES}


def claims_of(markdown, *, quoted="abc", without=(), **more) -> tuple[Claim, ...]:
    """Return the claims of a draft as a verifier would that accepts all but those with a text of `without`."""
    drafted = [each for each in draft_claims(prepared_draft(markdown)) if each.text not in without]
    fields = [{name: getattr(each, name) for name in ("text", "kind", "section", "start", "end")} for each in drafted]
    cited = [tuple(quote(BOTH[ALIASES[alias]], quoted) for alias in each.aliases) for each in drafted]
    given = {"verdict": Support.SUPPORTED, **more}
    return tuple(Claim(id=f"c{n}", citations=cited[n], **fields[n], **given) for n in range(len(drafted)))


def rendered_all(markdown, *masks, passages=BOTH, **more):
    return render_answer(claims_of(markdown, **more), passages, state(markdown, *masks))


def test_the_draft_is_published_with_numbers_in_the_order_of_first_citation():
    markdown = "## A\n\nOne [E2, E1]. Two. [E1]\n\n## B\n\n- *Three* [E2]"
    rendered = rendered_all(markdown)
    assert rendered.markdown == "## A\n\nOne [1][2]. Two. [2]\n\n## B\n\n- *Three* [1]"
    assert rendered.numbers == {TWO.evidence_id: 1, ONE.evidence_id: 2}
    assert (rendered.masks, rendered.secrets) == ((), ())


def test_claims_have_the_offsets_of_the_published_text():
    rendered = rendered_all("## A\n\nNo [E1]. One [E2]. Two. [E1]\n\n| T |\n|-|\n| *Three* [E2] |", without=("No.",))
    spans = [(claim.kind, claim.text, rendered.markdown[claim.start : claim.end]) for claim in rendered.claims]
    assert spans == [
        (ClaimKind.HEADING, "A", "A"),
        (ClaimKind.SENTENCE, "One.", "One [1]."),
        (ClaimKind.SENTENCE, "Two.", "Two. [2]"),
        (ClaimKind.HEADER, "T", "| T |"),
        (ClaimKind.ROW, "Three", "| *Three* [1] |"),
    ]
    assert [len(claim.citations) for claim in rendered.claims] == [0, 1, 1, 0, 1]
    reported = published_claim(rendered.claims[1])
    assert (reported.start, reported.end, reported.kind) == (6, 14, ClaimKind.SENTENCE)


def test_a_claim_that_nobody_verified_says_so():
    assert rendered_all("One. [E1]", verdict=Support.UNVERIFIED).markdown == "One. [1] *(unverified)*"


def test_citations_of_unknown_evidence_are_left_out_and_so_are_claims_without_another():
    rendered = rendered_all("One [E2] [E1]. Two [E2].", passages={ONE.evidence_id: ONE})
    assert rendered.markdown == "One [1]."
    assert [each.citations for each in rendered.claims] == [(quote(ONE),)]


def test_a_claim_that_is_no_span_of_the_draft_is_not_published():
    claim = claims_of("One. [E1]")[0]
    assert render_answer((claim.model_copy(update={"end": 7}),), BOTH, state("One. [E1]")).claims == ()
    assert render_answer((claim,), BOTH, {"draft": None}).markdown == ""


LINKED = "See [the page](https://x.example/a) and https://x.example/b. [E1]"


def test_links_lead_only_to_what_the_quotes_and_sources_name():
    assert rendered_all(LINKED).markdown == "See the page and `https://x.example/b`. [1]"
    both = "https://x.example/a, https://x.example/b"
    assert rendered_all(LINKED, quoted=both).markdown == LINKED.replace("E1", "1")
    page = {ONE.evidence_id: ONE.model_copy(update={"source": "https://x.example/a"})}
    assert (
        rendered_all(LINKED, passages=page).markdown
        == "See [the page](https://x.example/a) and `https://x.example/b`. [1]"
    )


def test_what_a_guard_masks_is_nowhere_in_the_answer():
    mask = Mask(start=9, end=24, kind="EMAIL_ADDRESS")
    rendered = rendered_all("Write to ann@example.com. [E1]", mask, quoted="reach ann@example.com")
    blocks = MASK * 15
    assert rendered.markdown == f"Write to {blocks}. [1]"
    assert rendered.claims[0].text == f"Write to {blocks}."
    assert rendered.claims[0].citations[0].quote == f"reach {blocks}"
    assert (rendered.claims[0].citations[0].start, rendered.claims[0].citations[0].end) == (0, 21)
    assert rendered.masks == (mask,)
    assert rendered.mask("ann@example.com!") == f"{blocks}!"


@pytest.mark.parametrize(
    ("secret", "gone"),
    [
        ("Ann **Smith-Jones**", "Smith-Jones"),
        ("Ann [E1] Smithson", "Smithson"),
        ("Ann\n> Smithson", "Smithson"),
        ("ann\\_smith@x.example", "ann_smith@x.example"),
    ],
)
def test_a_masked_string_is_hidden_however_it_is_published(secret, gone):
    markdown = f"> It was {secret} who came [E1]. Another sentence [E1]."
    at = markdown.index(secret)
    for without in ((), ("Another sentence.",)):
        rendered = rendered_all(markdown, Mask(start=at, end=at + len(secret), kind="NAME"), without=without)
        assert gone not in rendered.markdown.replace("\\", "")
        assert all(gone not in claim.text for claim in rendered.claims)
        text = PlainText(rendered.markdown)
        assert [text.of(claim.start, claim.end) for claim in rendered.claims] == [c.text for c in rendered.claims]


def test_longer_secrets_go_first_so_that_none_is_left_in_part():
    draft = Draft(markdown="ann ann@example.com", revision=0, hash="h")
    masks = (Mask(start=0, end=3, kind="NAME"), Mask(start=4, end=19, kind="EMAIL_ADDRESS"))
    found = masked_strings(draft, masks)
    assert {"ann@example.com", "ann"} <= set(found)
    assert [len(each) for each in found] == sorted(map(len, found), reverse=True)
    assert mask_all("ann@example.com and ann", masked_strings(draft, masks)) == f"{MASK * 15} and {MASK * 3}"
    assert mask_all("a b", (" ",)) == "a b"


@pytest.mark.parametrize(("kinds", "kind"), [(("EMAIL",), "EMAIL"), (("EMAIL", "PHONE"), "several")])
def test_every_run_of_blocks_is_a_mask_of_the_published_text(kinds, kind):
    masks = tuple(Mask(start=n, end=n + 1, kind=each) for n, each in enumerate(kinds))
    found = find_masks(f"{MASK * 2}a{MASK} b {MASK}", state("xy", *masks))
    assert found == tuple(Mask(start=start, end=end, kind=kind) for start, end in ((0, 2), (3, 4), (7, 8)))


def test_blocks_that_no_guard_made_are_text():
    assert find_masks(MASK, state("x")) == ()
