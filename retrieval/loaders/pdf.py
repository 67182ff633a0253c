"""PDF, read by pdfium: the text of each page with its offset. pdfium itself tries an empty password."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from threading import Lock

import pypdfium2

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, join_pages, lf
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source

# pdfium marks a hyphen at the end of a line as U+FFFE; removing it with the line break joins the word again.
_HYPHENS = ("\ufffe\n", "\ufffe\r\n", "\ufffe")
_HEADING_SHARE = 0.6
"""A heading is shorter than this share of the page's longest line. A chosen value; most full lines exceed it."""

_END_MARKS = ".,;:!?-"
_PDFIUM = Lock()
"""pdfium is not thread-safe, and ingestion loads files in worker threads."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its pages."""
    path = given.path
    with _PDFIUM:
        try:
            pdf = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise _fault(error) from error
        try:
            title = pdf.get_metadata_value("Title") or ""
            pages = [_page_text(pdf, n) for n in range(len(pdf))]
        except pypdfium2.PdfiumError as error:
            raise LoadFault("one of its pages is damaged; open and save it again with a PDF program") from error
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

    pdfium returns lines, not paragraphs. A heading is a short line without a punctuation mark at its end, above a line
    that begins in upper case; without the blank line, it would be read as the beginning of the sentence below.
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
    # pypdfium2 has one exception class; only the message tells a password from damage.
    if "assword" in str(error):
        return LoadFault("it is encrypted; save a copy without its password and ingest that")
    return LoadFault("it is not a readable PDF; open and save it again with a PDF program")
