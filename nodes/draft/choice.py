"""Which claims of a draft are published, and under which numbers they cite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodes.draft.blocks import Block
from nodes.draft.stated import Reading, Stated, section_of
from state.values import ClaimKind

Span = tuple[int, int]
"""The start and the end of a claim in its draft."""


@dataclass(frozen=True)
class Kept:
    """How a claim is published: the aliases that carry it, and the addresses that it may link (as `address_key`)."""

    aliases: tuple[str, ...] = ()
    unverified: bool = False
    addresses: frozenset[str] = frozenset()


@dataclass
class Choice:
    """The claims of a draft that are published."""

    reading: Reading
    kept: Mapping[Span, Kept]
    alive: set[Stated] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, claim: Stated) -> Kept:
        """Return how a claim is published."""
        return self.kept[claim.start, claim.end]

    def lives(self, block: Block) -> bool:
        """Whether something in a block is published."""
        return any(claim in self.alive for claim in self.reading.within(block))

    def living(self, block: Block) -> list[Stated | None]:
        """Return the claims of a block, with `None` for one that is not published."""
        return [claim if claim in self.alive else None for claim in self.reading.stated.get(block, ())]

    def citations(self, claim: Stated) -> dict[str, int]:
        """Return the aliases that a published claim cites and their numbers: in the order of its marks, then rising."""
        numbers = {alias: self.numbers[alias] for alias in _cited(claim, self.of(claim))}
        own = {alias: number for alias, number in numbers.items() if alias in claim.own}
        return own | dict(sorted(numbers.items(), key=lambda item: item[1]))


def chosen(reading: Reading, kept: Mapping[Span, Kept]) -> Choice:
    """Return the claims of `kept` that are published, numbered in the order in which they are first cited.

    What introduces something goes with it, and a heading with its section.
    """
    choice = Choice(reading, kept)
    # From the end, since what introduces comes before what it introduces.
    for at in reversed(range(len(reading.claims))):
        claim = reading.claims[at]
        if (claim.start, claim.end) in kept and _has_what_it_needs(choice, at):
            choice.alive.add(claim)
    for claim in reading.claims:
        if claim in choice.alive:
            for alias in _cited(claim, choice.of(claim)):
                choice.numbers.setdefault(alias, len(choice.numbers) + 1)
    return choice


def _has_what_it_needs(choice: Choice, at: int) -> bool:
    claim = choice.reading.claims[at]
    if not claim.kind.states:
        return any(each in choice.alive for each in section_of(choice.reading.claims, at))
    if claim.kind is ClaimKind.ROW and not _has_header(choice, claim):
        return False
    if claim.leads and claim.introduces is not None and not choice.lives(claim.introduces):
        return False
    return bool(_cited(claim, choice.of(claim)))


def _has_header(choice: Choice, row: Stated) -> bool:
    """Whether the header of a row's table passed: without it, the row would say something else."""
    table = row.block.parent
    headers = choice.reading.stated.get(table.children[0], []) if table else []
    return all((header.start, header.end) in choice.kept for header in headers)


def _cited(claim: Stated, kept: Kept) -> tuple[str, ...]:
    """Return the aliases that a claim cites: its own marks first. Headings and headers show no numbers."""
    if not claim.kind.states:
        return ()
    own = [alias for alias in claim.own if alias in kept.aliases]
    return tuple(dict.fromkeys([*own, *kept.aliases]))
