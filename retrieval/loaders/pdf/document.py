"""Reads a PDF as one document. pdfium itself tries an empty password."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import groupby
from threading import Lock

import pypdfium2
import pypdfium2.raw as pdfium

from retrieval.documents import Block, FailedFile, Heading, LoadedDocument
from retrieval.loaders.canonical import document, join_pages
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.pdf.entries import read_with_entries
from retrieval.loaders.pdf.headings import Bookmark, Found, by_outline, by_size, outline_of
from retrieval.loaders.pdf.hyphens import Words
from retrieval.loaders.pdf.pages import Line, Page, read_page
from retrieval.loaders.pdf.titles import stated_title
from retrieval.loaders.source import Source
from settings.reading import OcrSettings
from state.page_labels import PAGE_LABELS, runs_of

_READING = 3
"""The version of this package's way of reading, which is part of the parser's version."""

_MOST_UNDECODED = 0.01
"""A file with a larger share of characters that did not decode is refused, as a text file is."""

_MOST_UNDECODED_OF_A_PAGE = 0.1
"""OCR reads a page with a larger share of them. A chosen value: on a page of text, a few bullets may not decode."""

_HEADING_SHARE = 0.6
"""A heading is shorter than this share of the page's longest line. A chosen value; most full lines exceed it."""

_END_MARKS = ".,;:!?-"
_PDFIUM = Lock()
"""pdfium is not thread-safe, and ingestion loads files in worker threads."""


def load(given: Source) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the file as one document with its pages; report the pages that have no text."""
    with _PDFIUM:
        try:
            pdf = pypdfium2.PdfDocument(given.path)
        except pypdfium2.PdfiumError as error:
            raise _fault(error) from error
        try:
            if pdf.get_formtype() != pdfium.FORMTYPE_NONE:
                pdf.init_forms()  # draws the fields of files that leave this to the program that shows them
            title = stated_title(pdf.get_metadata_value("Title") or "")
            outline = outline_of(pdf)
            labels = runs_of([pdf.get_page_label(n) or "" for n in range(len(pdf))])
            pages = [_read(pdf, n, given.settings.ocr) for n in range(len(pdf))]
        except pypdfium2.PdfiumError as error:
            raise LoadFault("its contents are damaged; open and save it again with a PDF program") from error
        finally:
            pdf.close()
    again = "found no text there" if given.settings.ocr.enabled else "was not asked for: ingest it with --ocr"
    blank = [n for n, page in enumerate(pages, 1) if page.blank]
    damaged = [n for n, page in enumerate(pages, 1) if page.damaged]
    _check(pages, again)
    loaded = _document(given, title, outline, [page.lines for page in pages])
    yield loaded.model_copy(update={"metadata": {PAGE_LABELS: labels}}) if labels else loaded
    if blank:
        reason = f"no text on {_named(blank)}, only pictures, and OCR {again}"
        yield FailedFile(source=given.path.as_posix(), reason=reason)
    if damaged:
        reason = f"{_named(damaged)} cannot be read; open and save it again with a PDF program"
        yield FailedFile(source=given.path.as_posix(), reason=reason)


def _read(pdf: pypdfium2.PdfDocument, n: int, ocr: OcrSettings) -> Page:
    """Return what stands on a page; one that is damaged does not keep the others from being read."""
    try:
        page = pdf[n]
    except pypdfium2.PdfiumError:
        return Page([], 0, 0, drawn=False, damaged=True)
    try:
        read = read_with_entries(pdf, n, page, read_page(page))
        if ocr.enabled and (read.blank or read.undecoded > _MOST_UNDECODED_OF_A_PAGE * read.characters):
            from retrieval.loaders.pdf.ocr import recognised

            return recognised(page, ocr)
        return read
    except pypdfium2.PdfiumError:
        return Page([], 0, 0, drawn=False, damaged=True)
    finally:
        page.close()


def _check(pages: Sequence[Page], again: str) -> None:
    undecoded, characters = (sum(getattr(page, name) for page in pages) for name in ("undecoded", "characters"))
    if undecoded > _MOST_UNDECODED * max(characters, 1):
        share = undecoded / max(characters, undecoded)
        raise LoadFault(f"{share:.0%} of its characters did not decode: its fonts do not name them, and OCR {again}")
    if any(page.lines for page in pages):
        return
    if any(page.blank for page in pages):
        raise LoadFault(f"its pages hold pictures and no text, and OCR {again}")
    if any(page.damaged for page in pages):
        raise LoadFault("its pages are damaged; open and save it again with a PDF program")


def _document(
    given: Source, title: str, outline: Sequence[Bookmark], drawn: Sequence[Sequence[Line]]
) -> LoadedDocument:
    words = Words(drawn)
    pages = [words.joined(lines) for lines in drawn]
    found = by_outline(outline, pages) or by_size(pages)
    by_page = {page: list(group) for page, group in groupby(found, lambda each: each.page)}
    texts, places = [], []
    for n, lines in enumerate(pages):
        text, starts = _set(lines, by_page.get(n, []))
        texts.append(text)
        places.append(starts)
    text, page_starts = join_pages(texts)
    headings, blocks = list[Heading](), list[Block]()
    for each in found:
        start = page_starts[each.page] + places[each.page][each.line]
        headings.append(Heading(start=start, level=each.level, title=each.title))
        if each.lines and (not blocks or start >= blocks[-1].end):  # two bookmarks may lead to one line
            said = pages[each.page][each.line : each.line + each.lines]
            end = start + sum(len(line.text) + 1 for line in said) - 1
            blocks.append(Block(start=start, end=end, kind="heading"))
    return document(
        given.path,
        text,
        parser="pypdfium2",
        version=f"{version('pypdfium2')}/{_READING}",
        title=title,
        headings=headings,
        blocks=blocks,
        page_starts=page_starts,
    )


def _set(lines: Sequence[Line], headings: Sequence[Found]) -> tuple[str, list[int]]:
    """Return the text of a page and the offset of each line; blank lines set off what may be a heading.

    pdfium returns lines, not paragraphs. Without a blank line, a heading would be read as the beginning of the sentence
    below.
    """
    usual = max((len(line.text) for line in lines), default=0)
    within = {each.line + n for each in headings for n in range(each.lines)}
    edges = {line for each in headings for line in (each.line - 1, each.line + each.lines - 1)}
    parts, starts, at = [], [], 0
    for n, line in enumerate(lines):
        below = lines[n + 1].text if n + 1 < len(lines) else ""
        apart = n in edges or (n not in within and _is_set_off(line.text, below, usual))
        part = line.text + ("\n\n" if apart else "\n")
        starts.append(at)
        parts.append(part)
        at += len(part)
    return "".join(parts).rstrip("\n"), starts


def _is_set_off(line: str, below: str, usual: int) -> bool:
    """Return whether a line is short, without a mark at its end, and above a line that begins in upper case."""
    short = 0 < len(line) < _HEADING_SHARE * usual and line[0].isupper()
    return short and line[-1] not in _END_MARKS and below[:1].isupper()


def _named(pages: Sequence[int]) -> str:
    """Return page numbers in words: `pages 3, 7 to 9`."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    listed = ", ".join(" to ".join(map(str, run)) for run in runs)
    return f"page {listed}" if len(pages) == 1 else f"pages {listed}"


def _fault(error: pypdfium2.PdfiumError) -> LoadFault:
    # pypdfium2 has one exception class; only the message tells a password from damage.
    if "assword" in str(error):
        return LoadFault("it is encrypted; save a copy without its password and ingest that")
    return LoadFault("it is not a readable PDF; open and save it again with a PDF program")
