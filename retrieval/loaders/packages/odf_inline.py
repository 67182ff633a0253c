"""The text of a paragraph of OpenDocument, and what hangs on it: notes, comments, boxes."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from retrieval.loaders.office.package import local, value, whole
from retrieval.loaders.packages.odf import Odf

SHAPES = frozenset(
    (
        *("frame", "text-box", "custom-shape", "rect", "ellipse", "circle", "line", "connector", "caption", "polygon"),
        *("polyline", "path", "regular-polygon", "measure", "g"),
    )
)
"""Elements of drawings that may hold text."""
_SPACE = re.compile(r"[ \t\r\n]+")
_MOST_SPACES = 1000
_UNSEEN = frozenset(
    ("ruby-text", "script", "tracked-changes", "number", "annotation-end", "desc", "title", "page-number")
)
"""What a reader does not see or, as the number of a page, what belongs to the paper."""


class Inline:
    """Reads one paragraph. Nested elements are walked through without recursion: they may be nested deeply."""

    def __init__(self, odf: Odf, paragraph: etree._Element, next_note: Callable[[], int]) -> None:
        self.notes: list[tuple[int, etree._Element]] = []
        self.comments: list[etree._Element] = []
        self.boxes: list[etree._Element] = []
        self.hidden = 0
        self._odf, self._next_note = odf, next_note
        self._pieces: list[str] = []
        walk = etree.iterwalk(paragraph, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                if element is not paragraph:
                    self._pieces.append(_SPACE.sub(" ", element.tail or ""))
            elif element is paragraph or self._enters(element):
                self._pieces.append(_SPACE.sub(" ", element.text or ""))
            else:
                walk.skip_subtree()

    @property
    def text(self) -> str:
        """The text of the paragraph."""
        return "".join(self._pieces).strip()

    def _enters(self, element: etree._Element) -> bool:
        """Take note of an element; return whether its text belongs to the paragraph."""
        name = local(element)
        if name == "s":
            self._pieces.append(" " * min(whole(value(element, "c"), 1), _MOST_SPACES))
        elif name in ("tab", "line-break"):
            self._pieces.append("\t" if name == "tab" else "\n")
        elif name == "note":
            number = self._next_note()
            self.notes.append((number, element))
            self._pieces.append(f"[^{number}]")
        elif name == "annotation":
            self.comments.append(element)
        elif name in SHAPES:
            self.boxes.append(element)
        elif name == "hidden-text" or is_hidden(self._odf, element):
            self.hidden += characters(element)
        else:
            return name not in _UNSEEN
        return False


def is_hidden(odf: Odf, element: etree._Element) -> bool:
    """Return whether a paragraph, a span or a section is not shown."""
    if value(element, "display") == "none" or value(element, "is-hidden") == "true":
        return True
    family = {"span": "text", "p": "paragraph", "h": "paragraph"}.get(local(element))
    style = value(element, "style-name")
    return family is not None and odf.property_of(family, style, "text-properties", "display") == "none"


def characters(element: etree._Element) -> int:
    """Return how many characters of text an element holds, white space aside."""
    return len("".join("".join(map(str, element.itertext())).split()))
