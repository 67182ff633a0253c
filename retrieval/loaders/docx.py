"""DOCX: paragraphs and table rows in the order of the body; headings are recognised by their style."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as DocxDocument
from docx.exceptions import InvalidXmlError
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.table import Table
from docx.text.hyperlink import Hyperlink
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document
from retrieval.loaders.container import DAMAGED_CONTAINER
from retrieval.loaders.errors import LoadFault

_SMALLEST = Pt(2)  # smaller text is a dot on paper
_WHITE = "FFFFFF"
_HEADING = re.compile(r"Heading (\d)")
DAMAGED = (PackageNotFoundError, InvalidXmlError, *DAMAGED_CONTAINER)
"""Raised by python-docx for files that are truncated, password-protected or no DOCX at all."""


def load(path: Path) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    try:
        docx = Document(str(path))
        built = _built(docx)
        hidden = _hidden_chars(docx)
        title = docx.core_properties.title or ""
    except DAMAGED as error:
        raise LoadFault("it is damaged or encrypted; open and save it again with a word processor") from error
    yield document(
        path,
        built.text,
        parser="python-docx",
        version=version("python-docx"),
        title=title,
        headings=built.headings,
        metadata={HIDDEN: hidden} if hidden else {},
    )


def _built(docx: DocxDocument) -> TextBuilder:
    built = TextBuilder()
    for block in docx.iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                built.add(" | ".join(text for text in _cell_texts(row) if text))
        else:
            built.add(_visible_text(block), _level(block.style.name if block.style else ""))
    return built


def _cell_texts(row: Any) -> Iterator[str]:
    """Yield each cell's text once: python-docx repeats a merged cell in `row.cells` for each column that it spans."""
    cells = row.cells
    at = 0
    while at < len(cells):
        yield " ".join(" ".join(map(_visible_text, cells[at].paragraphs)).split())
        at += max(cells[at].grid_span, 1)


def _level(style: str | None) -> int | None:
    if style == "Title":
        return 1
    found = _HEADING.fullmatch(style or "")
    return int(found[1]) if found else None


def _visible_text(paragraph: Paragraph) -> str:
    """Return the text of a DOCX paragraph without its hidden runs."""
    found = []
    for inner in paragraph.iter_inner_content():
        runs = inner.runs if isinstance(inner, Hyperlink) else [inner]
        found += [run.text for run in runs if not _is_hidden(run)]
    return "".join(found)


def _hidden_chars(docx: DocxDocument) -> int:
    """Return how many characters of the body's paragraphs and tables are hidden."""
    runs = (Run(element, docx) for element in docx.element.body.iter(qn("w:r")))
    return sum(len("".join(run.text.split())) for run in runs if _is_hidden(run))


def _is_hidden(run: Run) -> bool:
    """Return whether a run of a DOCX file is hidden, white on no ground of its own, or too small to read."""
    if run.element.rPr is None:
        return False
    font = run.font
    if font.hidden or font.web_hidden:
        return True
    if font.size is not None and font.size < _SMALLEST:
        return True
    white = font.color is not None and font.color.rgb is not None and str(font.color.rgb) == _WHITE
    return white and font.highlight_color is None and not run.element.xpath("./w:rPr/w:shd")
