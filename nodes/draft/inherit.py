"""Which marks stand for a claim that has none of its own, and what a reader has read before it.

Inheriting is safe: each claim is judged against each of its citations by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from nodes.draft.blocks import Block, BlockKind
from nodes.draft.stated import Reading, Stated, cited_in, ends_with_stop, section_of
from state.values import ClaimKind

_INTRODUCED = (BlockKind.LIST, BlockKind.TABLE, BlockKind.CODE, BlockKind.QUOTE)
_CONTAINERS = (BlockKind.LIST, BlockKind.ITEM, BlockKind.QUOTE)
_COLONS = (":", "：")


def inherit(reading: Reading) -> None:
    """Give every claim of a draft its aliases, its context and its section."""
    for claim in reading.claims:
        claim.aliases = claim.own
    _visit(reading, reading.document.root, (), "")
    section = ""
    for n, claim in enumerate(reading.claims):
        if claim.kind is ClaimKind.HEADING:
            section = claim.text
        if not claim.kind.states:
            claim.aliases = _cited_by(section_of(reading.claims, n))
        claim.section = section


def _visit(reading: Reading, container: Block, outer: tuple[str, ...], words: str) -> None:
    """Settle what stands in `container`, for which `outer` is cited and which follows `words`."""
    lead: tuple[str, ...] = ()
    children = container.children
    for child, following in zip_longest(children, children[1:]):
        claims = reading.stated.get(child, [])
        after = cited_in(following.pieces) if following in reading.marks_only and following else ()
        given = after or lead or outer
        if child.kind is BlockKind.PARAGRAPH and claims and claims[0].kind is ClaimKind.SENTENCE:
            _settle_paragraph(claims, after or outer, words, following)
            lead, words = claims[-1].own if claims[-1].introduces else (), claims[-1].text
        elif child.kind is BlockKind.CODE:
            _settle_code(reading, claims, given, words, following if after else None)
        elif child.kind is BlockKind.TABLE:
            _settle_all(reading.within(child), given)
            lead = ()
        elif child.kind in _CONTAINERS:
            _visit(reading, child, given, words)
            lead = ()
        elif child not in reading.marks_only:
            lead, words = (), ""
    if container.kind is BlockKind.LIST:
        _settle_all(reading.within(container), ())
    for child in reversed(children):
        _take_from_introduced(reading, reading.stated.get(child, []))


def _settle_paragraph(claims: Sequence[Stated], given: tuple[str, ...], words: str, following: Block | None) -> None:
    for claim in claims:
        claim.context, words = words, claim.text
    last = claims[-1]
    if following is not None and following.kind in _INTRODUCED:
        nested = last.block.parent is not None and last.block.parent.kind is BlockKind.ITEM
        last.leads = last.text.endswith(_COLONS) or (not last.own and not ends_with_stop(last.text))
        last.introduces = following if last.leads or nested or following.kind is BlockKind.CODE else None
    _settle_all(claims, given)


def _settle_code(
    reading: Reading, claims: Sequence[Stated], given: tuple[str, ...], words: str, marks: Block | None
) -> None:
    for claim in claims:
        claim.context, claim.marks_after = words, marks
        claim.aliases = given
        if marks is not None:
            claim.own, claim.end = cited_in(marks.pieces), reading.document.span(marks)[1]


def _settle_all(claims: Sequence[Stated], given: tuple[str, ...]) -> None:
    """Let each unmarked claim inherit from the next marked one, and from `given` if there is none."""
    following = given
    for claim in reversed(claims):
        if claim.kind.states:
            following = claim.aliases = claim.aliases or following


def _take_from_introduced(reading: Reading, claims: Sequence[Stated]) -> None:
    """Let a sentence without marks cite what the list, table, code or quotation cites to which it leads."""
    if claims and claims[-1].introduces and not claims[-1].aliases:
        claims[-1].aliases = _cited_by(reading.within(claims[-1].introduces))
        _settle_all(claims, ())


def _cited_by(claims: Iterable[Stated]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(alias for claim in claims if claim.kind.states for alias in claim.aliases))
