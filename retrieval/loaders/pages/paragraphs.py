"""The paragraphs of a web page, with the marks that a browser shows before items and the terms that a list defines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from retrieval.loaders.canonical import BULLET, defining
from state.values import Kind

_ITEMS = ("li", "dd")


class Block(NamedTuple):
    """A paragraph or another block, a heading if it has a level, or text that keeps its lines.

    It stands in `within` items of lists, its own item aside.
    """

    text: str
    level: int | None = None
    kind: Kind = "prose"
    is_verbatim: bool = False
    within: int = 0


class _Labels:
    """What a browser shows before the items of lists, and the terms that a list defines."""

    def __init__(self) -> None:
        self._next: list[int | None] = []
        self._label = ""
        self._terms: list[str] = []

    def meet(self, node: LexborNode, begins: bool) -> None:
        """Take note that an element begins or ends."""
        if node.tag == "li":
            self._label = BULLET if begins else ""
            if begins and self._next and (after := self._next[-1]) is not None:
                number = whole(node, "value", after)
                self._label, self._next[-1] = f"{number}. ", number + 1
        elif node.tag in ("ol", "ul", "menu", "dir") and begins:
            self._next.append(whole(node, "start", 1) if node.tag == "ol" else None)
        elif node.tag in ("ol", "ul", "menu", "dir"):
            self._next.pop()

    def name(self, term: str) -> None:
        """Keep a term until its definition begins."""
        self._terms.append(" ".join(term.split()))

    def taken(self, inner: str) -> str:
        """Return what stands before the next text, which is within `inner`: the label of its item, or what it defines.

        It is returned once. Of an item that begins with a heading or with code, the mark of the list is left out.
        """
        if inner == "dd":
            return f"{terms} " if (terms := self.terms()) else ""
        label = self._label if inner == "li" else ""
        if label or self._label == BULLET:
            self._label = ""
        return label

    def terms(self) -> str:
        """Return the terms whose definition has not begun, once."""
        terms = [term for term in self._terms if term]
        self._terms.clear()
        return defining(terms) if terms else ""


class Paragraphs:
    """Collects the text of a page until its block ends.

    Args:
        kinds: the kind of the text within an element.
        headings: the level of the heading that an element is.
    """

    def __init__(self, kinds: Mapping[str, Kind], headings: Mapping[str, int]) -> None:
        self._kinds, self._headings = kinds, headings
        self._inline: list[str] = []
        self._within: list[str] = []
        self._items = 0
        self._verbatim = 0
        self._labels = _Labels()

    @property
    def keeps_lines(self) -> bool:
        """Whether the text keeps its lines here."""
        return self._verbatim > 0

    def add(self, text: str) -> None:
        """Add text to the paragraph."""
        self._inline.append(text)

    def meet(self, node: LexborNode, begins: bool, *, verbatim: bool) -> None:
        """Take note that a block begins or ends; what is in a `verbatim` one keeps its lines."""
        self._labels.meet(node, begins)
        step = 1 if begins else -1
        self._verbatim += step * verbatim
        self._items += step * (node.tag in _ITEMS)
        if begins and node.tag and node.tag in self._kinds:
            self._within.append(node.tag)
        elif node.tag in self._kinds:
            self._within.pop()

    def ended(self) -> Iterator[Block]:
        """Yield the paragraph that ends here, if it has text. A term waits for its definition."""
        text = "".join(self._inline)
        self._inline.clear()
        inner = self._within[-1] if self._within else ""
        if inner == "dt":
            self._labels.name(text)
        elif text.strip():
            if inner != "dd":
                yield from self.left()
            label = self._labels.taken(inner)
            yield Block(
                label + text.lstrip() if label else text,
                self._headings.get(inner),
                self._kinds.get(inner, "prose"),
                self.keeps_lines,
                self._items - bool(label),
            )

    def left(self) -> Iterator[Block]:
        """Yield the terms that no text defines."""
        if terms := self._labels.terms():
            yield Block(terms, kind="list", within=max(self._items - 1, 0))


def whole(node: LexborNode, name: str, default: int) -> int:
    """Return the attribute `name` as a whole number, or `default`."""
    stated = (node.attributes.get(name) or "").strip()[:9]
    return int(stated) if stated.isascii() and stated.isdigit() else default
