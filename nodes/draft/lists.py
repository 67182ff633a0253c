"""Which items a list has after a cut, and their markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from nodes.draft.blocks import Block, BlockKind

_MARKER = re.compile(r"(?P<indent>[ \t]*)(?:(?P<number>\d+)(?P<end>[.)])|(?P<bullet>[-*+]))(?P<gap>[ \t]*)")
_OTHER = {".": ")", ")": ".", "-": "*", "*": "-", "+": "-"}


class Entry(NamedTuple):
    """An item of a list as it is published, with its marker."""

    item: Block
    marker: str


class _Style(NamedTuple):
    """How the markers of a list look: the white space around them, their bullet or the end of their number."""

    indent: str
    end: str
    gap: str
    first: int = -1
    step: int = 1

    def marker(self, at: int) -> str:
        """Return the marker of the item at position `at`."""
        number = "" if self.first < 0 else str(self.first + self.step * at)
        return f"{self.indent}{number}{self.end}{self.gap}"


def entries(block: Block, lives: Callable[[Block], bool], joins: Block | None) -> Iterator[Entry]:
    """Yield the items of a list that are left.

    An item that lost its own text is replaced by the items below it. A numbered list is numbered again if items are
    gone. A list that now follows another one gets other markers: with the same ones the two would be one list.
    """
    items = [*_left(block, lives)]
    style = _style(block)
    other = joins is not None and joins.kind is BlockKind.LIST and _style(joins).end == style.end
    if other:
        style = style._replace(end=_OTHER[style.end])
    renumbered = block.ordered and items != block.children
    for at, item in enumerate(items):
        keeps = not other and not renumbered and item.parent is block
        yield Entry(item, item.marker if keeps else style.marker(at))


def is_loose(block: Block) -> bool:
    """Whether blank lines stand between the items of a list."""
    return any(one.last < two.first for one, two in zip(block.children, block.children[1:], strict=False))


def _left(block: Block, lives: Callable[[Block], bool]) -> Iterator[Block]:
    for item in block.children:
        living = [child for child in item.children if lives(child)]
        lost = item.children[:1] != living[:1] and all(child.kind is BlockKind.LIST for child in living)
        if lost:
            for child in living:
                yield from _left(child, lives)
        elif any(child.kind is not BlockKind.RULE for child in living):
            yield item


def _style(block: Block) -> _Style:
    markers = [found for item in block.children if (found := _MARKER.match(item.marker))]
    first = markers[0]
    gap = first["gap"] or " "
    if not first["number"]:
        return _Style(first["indent"], first["bullet"], gap)
    # Some number every item with 1 and leave the counting to the client.
    step = 0 if len(markers) > 1 and markers[1]["number"] == first["number"] else 1
    return _Style(first["indent"], first["end"], gap, int(first["number"]), step)
