"""The text of one paragraph of a DOCX file, and what hangs on it: text boxes, drawings, notes and comments.

Elements are entered unless they are known to hold no text that a reader sees, so that a wrapper of a later version of
Word does not hide its content.
"""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from retrieval.loaders.office.docx_styles import NO_GROUND, Styles
from retrieval.loaders.office.formulas import math_text
from retrieval.loaders.office.package import child, is_on, local, value, whole

UNSEEN = frozenset(
    (
        *("del", "moveFrom", "delText", "instrText", "delInstrText", "fldData", "ffData", "binData"),
        *("rPr", "pPr", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr", "ctrlPr", "sectPr", "tblPr", "tblGrid"),
        *("trPr", "tcPr", "bookmarkStart", "bookmarkEnd", "proofErr", "positionH", "positionV"),
    )
)
"""Elements without text of the document: deletions, instructions of fields, properties, offsets of drawings."""
_MARKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_PRIVATE = range(0xD800, 0xF900)  # with the surrogates below
_LAST_CODE = 0x10FFFF
_SMALLEST = 4.0
"""Half points; smaller text is a dot on paper."""
_WHITE = "FFFFFF"
_FILLS = ("solidFill", "gradFill", "blipFill", "pattFill")

Note = tuple[str, str]
"""`footnote` or `endnote`, and its id."""


class Inline:
    """Collects the text of a paragraph.

    `mark` gives the mark of a note; `ground` says that white text is seen there.
    """

    def __init__(self, paragraph: etree._Element, styles: Styles, mark: Callable[[Note], str], *, ground: bool) -> None:
        self.pieces: list[str] = []
        self.boxes: list[etree._Element] = []
        self.drawings: list[str] = []
        self.notes: list[Note] = []
        self.comments: list[str] = []
        self.hidden = 0
        self._styles = styles
        self._mark = mark
        properties = child(paragraph, "pPr")
        self._ground = ground or (properties is not None and _shaded(properties))
        self._vanishes = properties is not None and styles.hides(value(child(properties, "pStyle")))
        self._fields: list[str] = []
        self._instructions: list[str] = []
        self._walk(paragraph)
        for text in self._instructions:  # of a field that has no end: it is text for all that can be seen here
            self._add(text)

    def _add(self, text: str) -> None:
        if text:
            self.pieces.append(text)

    @property
    def text(self) -> str:
        """The text of the paragraph."""
        return "".join(self.pieces)

    def _walk(self, element: etree._Element) -> None:
        for each in element:
            name = local(each)
            if name == "t":
                # Within the instruction of a field stand the results of fields that it is made of.
                if "code" in self._fields:
                    self._instructions.append(each.text or "")
                else:
                    self._add(each.text or "")
            elif name == "r" and self._is_hidden(each):
                self.hidden += sum(len("".join((text.text or "").split())) for text in each.iter("{*}t"))
            elif name not in UNSEEN:
                self._enter(each, name)

    def _enter(self, element: etree._Element, name: str) -> None:
        if name in _MARKS:
            self.pieces.append(_MARKS[name])
        elif name == "AlternateContent":
            self._alternate(element)
        elif name == "txbxContent":
            self.boxes.append(element)
        elif name == "oMath":
            self._add(math_text(element))
        elif name == "ruby":
            self._ruby(element)
        elif not self._refers(element, name):
            self._walk(element)

    def _refers(self, element: etree._Element, name: str) -> bool:
        """Note what the element refers to; return whether it is a reference."""
        if name in ("footnoteReference", "endnoteReference"):
            self.notes.append((name.removesuffix("Reference"), value(element, "id") or ""))
            self.pieces.append(self._mark(self.notes[-1]))
        elif name == "commentReference":
            self.comments.append(value(element, "id") or "")
        elif name in ("chart", "relIds"):
            self.drawings.append(value(element, "dm" if name == "relIds" else "id") or "")
        elif name == "fldChar":
            self._field(value(element, "fldCharType") or "")
        elif name == "sym":
            code = whole(value(element, "char"), 0, 16)
            self._add(chr(code) if 0 < code <= _LAST_CODE and code not in _PRIVATE else "")
        elif name == "textpath":
            self._add(value(element, "string") or "")
        else:
            return False
        return True

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append("code")
        elif kind == "separate" and self._fields:
            self._fields[-1] = "result"
        elif kind == "end" and self._fields:
            self._fields.pop()
        if "code" not in self._fields:
            self._instructions.clear()

    def _alternate(self, element: etree._Element) -> None:
        """Read the first branch that holds something: the others show the same for older programs."""
        before = self._holdings()
        for branch in element:
            self._walk(branch)
            if self._holdings() != before:
                return

    def _holdings(self) -> tuple[int, int, int]:
        return len(self.pieces), len(self.boxes), len(self.drawings)

    def _ruby(self, element: etree._Element) -> None:
        """Read the base, and the reading above it in brackets."""
        for name, form in (("rubyBase", "{}"), ("rt", "({})")):
            part = child(element, name)
            at = len(self.pieces)
            if part is not None:
                self._walk(part)
                self.pieces[at:] = [form.format("".join(self.pieces[at:]))]

    def _is_hidden(self, run: etree._Element) -> bool:
        """Return whether a run is hidden, white without a ground, or too small to read."""
        properties = child(run, "rPr")
        if properties is None:
            return self._vanishes
        vanish = child(properties, "vanish")
        if vanish is None:
            if self._vanishes or self._styles.hides(value(child(properties, "rStyle"))):
                return True
        elif is_on(vanish):
            return True
        size = (value(child(properties, "sz")) or "").removesuffix("pt")
        if size.replace(".", "", 1).isdecimal() and float(size) < _SMALLEST:
            return True
        white = value(child(properties, "color")) == _WHITE
        return white and not self._ground and child(properties, "highlight") is None and not _shaded(properties)


def _shaded(properties: etree._Element) -> bool:
    return child(properties, "shd") is not None and value(child(properties, "shd"), "fill") not in NO_GROUND


def draws_ground(paragraph: etree._Element) -> bool:
    """Return whether a shape of the paragraph is filled, or a picture: text boxes may lie on it, as on a cover."""
    for each in paragraph.iter(etree.Element):
        name = local(each)
        if name == "pic" or (each.get("fillcolor") and each.get("filled") not in ("f", "false")):
            return True
        if name == "wsp":
            properties, style = child(each, "spPr"), child(each, "style", "fillRef")
            kinds = {local(part) for part in properties} if properties is not None else set()
            by_style = value(style, "idx") not in (None, "0") and "noFill" not in kinds
            if by_style or not kinds.isdisjoint(_FILLS):
                return True
    return False
