"""PDF by pdfium: text by page, with the page's offset. An empty password is tried by itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from threading import Lock

import pypdfium2

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, join_pages, lf
from retrieval.loaders.errors import LoadFault

_HYPHENS = ("\ufffe\n", "\ufffe\r\n", "\ufffe")
_HEADING_SHARE = 0.6
"""A heading is shorter than this share of the page's longest line."""

_END_MARKS = ".,;:!?-"
_PDFIUM = Lock()
"""pdfium is not safe to call from two threads at once."""


def load(path: Path) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its pages."""
    with _PDFIUM:
        try:
            pdf = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise _fault(error) from error
        try:
            title = pdf.get_metadata_value("Title") or ""
            pages = [_page_text(pdf, n) for n in range(len(pdf))]
        except pypdfium2.PdfiumError as error:
            raise LoadFault("a page of it is damaged; open and save it again with a PDF program") from error
        finally:
            pdf.close()
    text, starts = join_pages(pages)
    yield document(path, text, parser="pypdfium2", version=version("pypdfium2"), title=title, page_starts=starts)


def _page_text(pdf: pypdfium2.PdfDocument, n: int) -> str:
    page = pdf[n]
    text = page.get_textpage().get_text_range()
    for hyphen in _HYPHENS:
        text = text.replace(hyphen, "")
    return set_off_headings(lf(text).replace("\0", "").replace("\f", "\n"))


def set_off_headings(text: str) -> str:
    """Return a page's text with a blank line after each line that looks like a heading.

    pdfium gives lines, not paragraphs: a short line without an end mark, before a line that begins in upper case,
    would otherwise run into the sentence below it.
    """
    lines = text.split("\n")
    usual = max(map(len, lines))
    for n in range(len(lines) - 1):
        line, below = lines[n].strip(), lines[n + 1].lstrip()
        short = 0 < len(line) < _HEADING_SHARE * usual and line[0].isupper()
        if short and line[-1] not in _END_MARKS and below[:1].isupper():
            lines[n] += "\n"
    return "\n".join(lines)


def _fault(error: pypdfium2.PdfiumError) -> LoadFault:
    if "assword" in str(error):
        return LoadFault("it is encrypted; save a copy without its password and ingest that")
    return LoadFault("it is not a readable PDF; open and save it again with a PDF program")
