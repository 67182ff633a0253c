"""What is filled into a form, written over a page or stamped on it: pdfium leaves it out of the text of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from retrieval.loaders.pdf.pages import Line, Page, cleaned

_SHOWN = {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}
_BELOW = 3.0
"""Points by which the name of a field may stand below the frame of the field. A chosen value."""


class _Frame(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float


def read_with_entries(pdf: pypdfium2.PdfDocument, n: int, page: pypdfium2.PdfPage, read: Page) -> Page:
    """Return what stands on the page and in the entries that it shows, each where a reader sees it.

    The page is changed in memory only: its entries become part of what is drawn.
    """
    frames = list(_frames(page))
    if not frames:
        return read
    before = _texts(page, frames)
    if pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) != pdfium.FLATTEN_SUCCESS:
        return read
    again = pdf[n]
    try:
        after = _texts(again, frames)
    finally:
        again.close()
    lines = list(read.lines)
    for frame, under, text in zip(frames, before, after, strict=True):
        added = [Line(each, 0.0, frame.left, frame.bottom) for each in cleaned(text.removeprefix(under))]
        at = _place(lines, frame)
        lines[at:at] = added
    return read._replace(lines=lines)


def _frames(page: pypdfium2.PdfPage) -> Iterator[_Frame]:
    """Yield where the page shows fields of forms, signatures, text that is written over it, and stamps."""
    for n in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, n)
        frame = pdfium.FS_RECTF()
        if pdfium.FPDFAnnot_GetSubtype(annotation) in _SHOWN and pdfium.FPDFAnnot_GetRect(annotation, frame):
            yield _Frame(frame.left, frame.bottom, frame.right, frame.top)
        pdfium.FPDFPage_CloseAnnot(annotation)


def _texts(page: pypdfium2.PdfPage, frames: Sequence[_Frame]) -> list[str]:
    textpage = page.get_textpage()
    try:
        return [textpage.get_text_bounded(*frame) for frame in frames]
    finally:
        textpage.close()


def _place(lines: Sequence[Line], frame: _Frame) -> int:
    """Return the index of the first line that stands below the frame, or beside it on the right."""
    for n, line in enumerate(lines):
        below, beside = line.y < frame.bottom - _BELOW, line.y <= frame.top
        if below or (beside and line.x > frame.left):
            return n
    return len(lines)
