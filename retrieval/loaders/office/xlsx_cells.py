"""The text of the cells of a workbook: shared strings, formats, and formulas that nobody has calculated."""

from __future__ import annotations

import math

from lxml import etree
from openpyxl.formula.translate import Translator, TranslatorError
from openpyxl.styles.numbers import BUILTIN_FORMATS

from retrieval.loaders.office.number_formats import format_of, shown
from retrieval.loaders.office.package import Parts, child, is_on, local, value, whole


class Cells:
    """Reads cells with the strings and styles that the workbook shares among its sheets."""

    def __init__(self, parts: Parts, book: str, *, since_1904: bool) -> None:
        strings = parts.root(parts.first(book, "sharedStrings"))
        self._strings = [] if strings is None else [_rich(item) for item in strings]
        self._since_1904 = since_1904
        styles = parts.root(parts.first(book, "styles"))
        self._formats: list[str] = []
        self._bold: list[bool] = []
        if styles is not None:
            self._read_styles(styles)

    def _read_styles(self, styles: etree._Element) -> None:
        own = {value(each, "numFmtId"): value(each, "formatCode") for each in _children(styles, "numFmts")}
        fonts = [is_on(child(each, "b")) for each in _children(styles, "fonts")]
        for each in _children(styles, "cellXfs"):
            number, font = value(each, "numFmtId") or "0", whole(value(each, "fontId"))
            self._formats.append(format_of(whole(number), own.get(number) or BUILTIN_FORMATS.get(whole(number))))
            self._bold.append(font < len(fonts) and fonts[font])

    def is_bold(self, cell: etree._Element) -> bool:
        """Return whether the cell's style is bold."""
        style = whole(cell.get("s"))
        return style < len(self._bold) and self._bold[style]

    def text(self, cell: etree._Element, place: str, formulas: dict[str, tuple[str, str]]) -> str:
        """Return what the cell at `place` shows; `formulas` collects those that the sheet's cells share."""
        kind, held = cell.get("t", "n"), child(cell, "v")
        stored = "" if held is None else held.text or ""
        formula = child(cell, "f")
        if formula is not None and formula.text:
            formulas.setdefault(formula.get("si") or "", (f"={formula.text}", place))
        if kind == "inlineStr":
            inline = child(cell, "is")
            return _rich(inline) if inline is not None else stored
        if not stored:
            return "" if formula is None or kind == "str" else _formula(formula, place, formulas)
        if kind == "s":
            at = whole(stored, -1)
            return self._strings[at] if 0 <= at < len(self._strings) else stored
        if kind == "b":
            return "TRUE" if stored in ("1", "true") else "FALSE"
        return self._number(stored, whole(cell.get("s"))) if kind == "n" else stored

    def _number(self, stored: str, style: int) -> str:
        try:
            number = float(stored)
        except ValueError:
            return stored
        if not math.isfinite(number):
            return stored
        code = self._formats[style] if style < len(self._formats) else "General"
        return shown(number, code, since_1904=self._since_1904)


def _children(styles: etree._Element, name: str) -> list[etree._Element]:
    found = child(styles, name)
    return [] if found is None else list(found)


def _formula(formula: etree._Element, place: str, shared: dict[str, tuple[str, str]]) -> str:
    """Return the formula as it is typed; a shared one stands at its first cell, and others shift its references."""
    name = formula.get("si") or ""
    if formula.text:
        return f"={formula.text}"
    if name not in shared:
        return ""
    first, origin = shared[name]
    try:
        return str(Translator(first, origin).translate_formula(place))
    except (TranslatorError, ValueError):
        return first


def _rich(item: etree._Element) -> str:
    """Return a string of one or several runs, without the phonetic signs of Japanese."""
    texts = (each.text or "" for run in item for each in _texts(run))
    return "".join(texts)


def _texts(run: etree._Element) -> list[etree._Element]:
    name = local(run)
    if name == "t":
        return [run]
    return [each for each in run if local(each) == "t"] if name == "r" else []
