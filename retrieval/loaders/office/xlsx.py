"""XLSX: each sheet is a page under its name, each row is a line. Only cells that exist are visited.

openpyxl gives either the formulas or their results, trusts the size that a sheet states, and fills the rows up to it;
so the sheets are read as XML, and openpyxl helps with dates and with formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, document_of_pages
from retrieval.loaders.office.charts import drawing_lines
from retrieval.loaders.office.grid import sheet_blocks
from retrieval.loaders.office.package import Parts, child, is_on, parts_of, value
from retrieval.loaders.office.sheet_rows import Sheet
from retrieval.loaders.office.xlsx_cells import Cells
from retrieval.loaders.source import Source


class _Entry(NamedTuple):
    name: str
    part: str
    hidden: bool


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the workbook as one document with one page for each sheet."""
    with parts_of(given, "a spreadsheet program") as parts:
        loaded = _document(given, parts)
    yield loaded


def _document(given: Source, parts: Parts) -> LoadedDocument:
    book = parts.main("xl/workbook.xml")
    root = parts.root(book)
    if root is None:
        raise KeyError(book)
    properties = child(root, "workbookPr")
    since_1904 = is_on(properties) and value(properties, "date1904") in ("1", "true")
    cells = Cells(parts, book, since_1904=since_1904)
    left = given.settings.limits.cells
    pages = []
    for entry in _entries(parts, book, root):
        page = TextBuilder()
        page.add(f"{entry.name} (hidden sheet)" if entry.hidden else entry.name, level=1)
        sheet = Sheet(cells, left)
        with parts.stream(entry.part) as stream:
            sheet.read(stream)
        for block in sheet_blocks(sheet):
            page.add(block, kind="table")
        for lines in _drawings(parts, entry.part):
            page.add("\n".join(lines))
        left -= sheet.count
        pages.append(page)
    return document_of_pages(
        given.path,
        pages,
        parser="xlsx",
        version="3",
        title=given.path.stem,
    )


def _entries(parts: Parts, book: str, root: etree._Element) -> Iterator[_Entry]:
    related = parts.related(book)
    sheets = child(root, "sheets")
    for sheet in () if sheets is None else sheets:
        # The id of the relationship, not the `sheetId`, whose name without its namespace is another.
        kind, part = related.get(
            next((each for key, each in sheet.attrib.items() if key.endswith("}id")), ""), ("", "")
        )
        if kind in ("worksheet", "chartsheet") and parts.has(part):
            yield _Entry(value(sheet, "name") or "", part, value(sheet, "state") in ("hidden", "veryHidden"))


def _drawings(parts: Parts, sheet: str) -> Iterator[list[str]]:
    """Yield the lines of the text boxes of a sheet, and the titles of its charts, whose figures stand in cells."""
    name = parts.first(sheet, "drawing")
    drawing = parts.root(name)
    if drawing is None or name is None:
        return
    for box in drawing.iter("{*}txBody"):
        yield ["".join(text.text or "" for text in each.iter("{*}t")) for each in box.iter("{*}p")]
    for kind, part in parts.related(name).values():
        chart = parts.root(part) if kind == "chart" else None
        if chart is not None:
            yield drawing_lines(chart, with_figures=False)
