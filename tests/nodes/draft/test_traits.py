"""What the check of a report looks for is in no published text, and is found where somebody puts it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.draft import DraftClaim, Kept, Published, draft_claims, prepared_draft, publish_draft, traits
from state.addresses import address_key
from state.values import ClaimKind
from tests.nodes.draft.drafts import drafts
from tests.nodes.draft.test_properties import NAMED, hostile, kept_of

generated = settings(max_examples=settings.default.max_examples * 3 // 2)


def check(
    markdown: str, shown: list[tuple[DraftClaim, tuple[int, int]]], named: frozenset[str], *, doubt: bool
) -> None:
    """Assert that a text has the traits of its claims, `shown` with their places, and no others."""
    found = [*traits(markdown)]
    assert {each.kind for each in found} <= {"name", "address", "notice"}
    for each in found:
        if each.kind == "address":
            assert address_key(each.what) in named
            assert any(start <= each.start and each.end <= end for _, (start, end) in shown)
    names = [(each.start, each.end) for each in found if each.kind == "name"]
    notices = [each.start for each in found if each.kind == "notice"]
    for claim, (start, end) in shown:
        assert claim.kind.states or any(first <= start and end <= last for first, last in names)
        told = any(start <= notice <= end + 1 for notice in notices)
        assert told is (doubt and claim.kind.states)


def doubted(claims: list[DraftClaim], kept: dict[tuple[int, int], Kept]) -> dict[tuple[int, int], Kept]:
    """Return `kept` as a run without a judge has it: unverified, but for headings, which are then left out or sound."""
    headings = {(each.start, each.end) for each in claims if each.kind is ClaimKind.HEADING}
    return {span: replace(each, unverified=span not in headings) for span, each in kept.items()}


def placed(claims: list[DraftClaim], published: Published) -> list[tuple[DraftClaim, tuple[int, int]]]:
    return [
        (each, published.spans[each.start, each.end]) for each in claims if (each.start, each.end) in published.spans
    ]


@generated
@given(drafts(), st.data(), st.booleans())
def test_a_published_draft_has_no_trait_that_is_a_fault(written: str, data: st.DataObject, doubt: bool) -> None:
    draft = prepared_draft(written)
    claims = draft_claims(draft)
    failed = data.draw(st.frozensets(st.integers(0, max(len(claims) - 1, 0))))
    kept = kept_of(claims, without=failed, addresses=NAMED)
    published = publish_draft(draft, doubted(claims, kept) if doubt else kept)
    check(published.markdown, placed(claims, published), NAMED, doubt=doubt)


@settings(max_examples=settings.default.max_examples * 3)
@given(hostile, st.data(), st.booleans())
def test_a_published_hostile_draft_has_none_either(written: str, data: st.DataObject, doubt: bool) -> None:
    draft = prepared_draft(written)
    claims = draft_claims(draft)
    failed = data.draw(st.frozensets(st.integers(0, max(len(claims) - 1, 0))))
    kept = kept_of(claims, without=failed)
    published = publish_draft(draft, doubted(claims, kept) if doubt else kept)
    check(published.markdown, placed(claims, published), frozenset(), doubt=doubt)
