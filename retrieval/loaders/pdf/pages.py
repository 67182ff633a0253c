"""The lines of a page in reading order, with their place and the size of their letters."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from retrieval.loaders.pdf.columns import Band, Box, bands_of

HYPHEN = "\ufffe"
"""pdfium's mark for a hyphen at the end of a line."""

_UNKNOWN = re.compile(r"\(cid:\d+\)|[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAK = re.compile(rf"\r\n?|\n|(?<={HYPHEN})")
# The signs before list items, in the fonts Symbol and Wingdings: their codes stand in the private use area.
_BULLETS = str.maketrans(dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf076\uf0fc\uf0a8\uf06e\uf06c\uf02d\uf0be", "\u2022"))
_SAMPLES = 1000
"""So many characters of a page are asked whether their font names them; on most pages, all are."""

_LETTERS, _VOWELS = 0.6, (0.25, 0.6)
"""Codes of a font that names no characters are text if so many are letters, and so many of these vowels.

Chosen values: in languages in Latin letters, 35 to 50 % are vowels; shifted by 29, as in many subset fonts, 14 %.
"""


class Line(NamedTuple):
    """A line: its text, the size of its letters and the place of its first one, in points from the bottom left.

    The size is 0 where it is not known, and for text that is turned.
    """

    text: str
    size: float
    x: float
    y: float


class Page(NamedTuple):
    """A page: its lines, its characters, how many of these did not decode, and whether anything is drawn on it.

    Nothing is known of a damaged page.
    """

    lines: list[Line]
    characters: int
    undecoded: int
    drawn: bool
    damaged: bool = False

    @property
    def blank(self) -> bool:
        """Whether something is drawn on the page, but no text."""
        return self.drawn and not self.lines


def read_page(page: pypdfium2.PdfPage) -> Page:
    """Return what stands on the page."""
    textpage = page.get_textpage()
    try:
        characters = _characters(textpage)
        undecoded = _undecoded(textpage, characters)
        lines = list(_lines(textpage, characters))
    finally:
        textpage.close()
    visible = sum(map(len, "".join(line.text for line in lines).split()))
    return Page(lines, visible, undecoded, pdfium.FPDFPage_CountObjects(page.raw) > 0)


def _characters(textpage: pypdfium2.PdfTextPage) -> str:
    """Return the text of a page; the index of each character is pdfium's."""
    text: str = textpage.get_text_range()
    count = textpage.count_chars()
    if len(text) == count:
        return text
    # Characters without a code are not part of pdfium's text, so the indexes differ.
    codes = (pdfium.FPDFText_GetUnicode(textpage.raw, n) for n in range(count))
    hyphens = (pdfium.FPDFText_IsHyphen(textpage.raw, n) == 1 for n in range(count))
    return "".join(HYPHEN if hyphen and code == 2 else chr(code) for code, hyphen in zip(codes, hyphens, strict=True))


def _undecoded(textpage: pypdfium2.PdfTextPage, characters: str) -> int:
    """Return how many characters did not decode, by their codes, or else because their font names no characters."""
    by_code = len(_UNKNOWN.findall(characters.translate(_BULLETS))) + characters.count("\0")
    step = 1 + len(characters) // _SAMPLES
    unnamed = [
        characters[n]
        for n in range(0, len(characters), step)
        if pdfium.FPDFText_HasUnicodeMapError(textpage.raw, n) == 1 and not characters[n].isspace()
    ]
    return by_code if _readable("".join(unnamed)) else max(by_code, step * len(unnamed))


def _readable(codes: str) -> bool:
    """Return whether codes, taken for characters, are text: many fonts without names have the usual codes."""
    letters = [code for code in codes.casefold() if "a" <= code <= "z"]
    vowels = sum(letter in "aeiouy" for letter in letters)
    return len(letters) >= _LETTERS * len(codes) and _VOWELS[0] <= vowels / max(len(letters), 1) <= _VOWELS[1]


def cleaned(text: str) -> list[str]:
    """Return the lines of a text, without what nobody sees."""
    lines = (_UNSEEN.sub("", line.translate(_BULLETS)).strip() for line in _BREAK.split(text))
    return [line for line in lines if line]


def _lines(textpage: pypdfium2.PdfTextPage, characters: str) -> Iterator[Line]:
    for start, end in _pieces(textpage, characters):
        text = _UNSEEN.sub("", characters[start:end].translate(_BULLETS)).strip()
        if text:
            yield Line(text, *_place(textpage, characters, start, end))


def _pieces(textpage: pypdfium2.PdfTextPage, characters: str) -> list[tuple[int, int]]:
    """Return the start and end of each line in reading order."""
    drawn, at = [], 0
    for found in _BREAK.finditer(characters):
        drawn.append((at, found.start()))
        at = found.end()
    drawn.append((at, len(characters)))
    bands = bands_of([_box(textpage, n) for n in range(textpage.count_rects())])
    if not bands:
        return drawn
    letters = sum("a" <= char.casefold() <= "z" for char in characters)
    rightward = sum("\u0590" <= char <= "\u08ff" for char in characters) <= letters
    pieces = [piece for start, end in drawn for piece in _cut(textpage, characters, start, end, bands)]
    ordered = sorted(pieces, key=lambda piece: (piece[0], piece[1] if rightward else -piece[1]))
    return [(start, end) for _, _, start, end in ordered]


def _box(textpage: pypdfium2.PdfTextPage, n: int) -> Box:
    return Box(*textpage.get_rect(n))


def _cut(
    textpage: pypdfium2.PdfTextPage, characters: str, start: int, end: int, bands: list[Band]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the parts of a line that stand in one column, each as its rank on the page, column, start and end."""
    part: tuple[int, int] | None = None
    began = start
    for n in range(start, end):
        if characters[n].isspace() or characters[n] == HYPHEN:
            continue
        box = Box(*textpage.get_charbox(n))
        here = _rank(box, bands)
        if part is not None and here != part:
            yield *part, began, n
            began = n
        part = here
    if part is not None:
        yield *part, began, end


def _rank(box: Box, bands: list[Band]) -> tuple[int, int]:
    """Return the rank of a character: an odd one within a band, with its column; an even one between bands."""
    for n, band in enumerate(bands):
        if box.middle > band.top:
            return 2 * n, 0
        if box.middle >= band.bottom:
            return 2 * n + 1, band.column(box.left)
    return 2 * len(bands), 0


def _place(textpage: pypdfium2.PdfTextPage, characters: str, start: int, end: int) -> tuple[float, float, float]:
    """Return the size of a line's letters and the place of the first one."""
    seen = [n for n in range(start, end) if not characters[n].isspace()]
    # The middle one: the first may be a large initial, the last a small mark of a note.
    size = _size(textpage, seen[len(seen) // 2])
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(textpage.raw, seen[0], x, y)
    return size, x.value, y.value


def _size(textpage: pypdfium2.PdfTextPage, n: int) -> float:
    """Return the size of a character as it is seen, to half a point: many files scale a font of size 1."""
    matrix = pdfium.FS_MATRIX()
    size: float = pdfium.FPDFText_GetFontSize(textpage.raw, n)
    if not pdfium.FPDFText_GetMatrix(textpage.raw, n, matrix):
        return size
    # Beside an upright page, such as the stamp of an archive.
    if abs(matrix.b) > abs(matrix.a) and textpage.page.get_rotation() == 0:
        return 0.0
    return round(2 * size * math.hypot(matrix.c, matrix.d)) / 2
