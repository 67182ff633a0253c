"""ODS: each sheet is a page under its name, each row is a line. Cells are shown as the file shows them."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, document_of_pages
from retrieval.loaders.office.grid import Bounds, Grid, sheet_blocks
from retrieval.loaders.office.package import child, local, value, whole
from retrieval.loaders.packages.odf import Odf, opened
from retrieval.loaders.packages.odf_blocks import Blocks, table_rows
from retrieval.loaders.packages.odf_inline import SHAPES
from retrieval.loaders.source import Source


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the workbook as one document with one page for each sheet."""
    with opened(given) as odf:
        loaded = _document(given, odf)
    yield loaded


def _document(given: Source, odf: Odf) -> LoadedDocument:
    blocks, pages, left = Blocks(odf, comments=given.settings.comments), [], given.settings.limits.cells
    for table in odf.body("spreadsheet").iterchildren("{*}table"):
        page, name = TextBuilder(), value(table, "name") or ""
        is_hidden = odf.property_of("table", value(table, "style-name"), "table-properties", "display") == "false"
        page.add(f"{name} (hidden sheet)" if is_hidden else name, level=1)
        sheet = _Sheet(odf, blocks, left, comments=given.settings.comments)
        sheet.read(table)
        for text in sheet_blocks(sheet):
            page.add(text, kind="table" if "\n" in text else "prose")
        for shape in sheet.shapes:
            for block in blocks.of_shape(shape):
                page.add(block.text, kind=block.kind)
        left -= sheet.count
        pages.append(page)
    return document_of_pages(
        given.path,
        pages,
        parser="odf",
        version="1",
        title=odf.title or given.path.stem,
    )


class _Sheet(Grid):
    """The cells of one sheet, and the shapes on it."""

    def __init__(self, odf: Odf, blocks: Blocks, most: int, *, comments: bool) -> None:
        super().__init__(most)
        self.shapes: list[etree._Element] = []
        self._odf, self._blocks, self._comments = odf, blocks, comments
        self._merged: list[Bounds] = []

    def read(self, table: etree._Element) -> None:
        """Read the rows. A row or cell that is repeated counts each time, unless it is empty."""
        number = 1
        for row, is_header in table_rows(table):
            repeated = max(whole(value(row, "number-rows-repeated"), 1), 1)
            found, is_bold = self._row(row, number)
            if found:
                self.counted(len(found) * repeated)
                self.rows |= dict.fromkeys(range(number, number + repeated), found)
                if is_header:
                    self.headers.add(number)
                if is_bold and len(found) > 1:
                    self.bold |= set(range(number, number + repeated))
            number += repeated
        self.repeat(self._merged)
        shapes = child(table, "shapes")
        self.shapes += [] if shapes is None else [each for each in shapes if local(each) in SHAPES]

    def _row(self, row: etree._Element, number: int) -> tuple[dict[int, str], bool]:
        """Return the cells of a row by column, and whether all of them are bold."""
        found: dict[int, str] = {}
        column, is_bold = 1, True
        for cell in row.iterchildren("{*}table-cell", "{*}covered-table-cell"):
            repeated = max(whole(value(cell, "number-columns-repeated"), 1), 1)
            text = self._text(cell) if local(cell) == "table-cell" else ""
            if text:
                self.counted(repeated)
                self.count -= repeated  # `read` counts the row
                found |= dict.fromkeys(range(column, column + repeated), text)
                is_bold = is_bold and self._is_bold(cell)
                wide, high = (max(whole(value(cell, f"number-{each}-spanned"), 1), 1) for each in ("columns", "rows"))
                if wide > 1 or high > 1:
                    self._merged.append((column, number, column + wide - 1, number + high - 1))
            self.shapes += [each for each in cell if local(each) in SHAPES]
            column += repeated
        return found, is_bold

    def _text(self, cell: etree._Element) -> str:
        """Return a cell as the file shows it; one that was written without that, by its value; else its formula."""
        paragraphs = cell.iterchildren("{*}p")
        text = " ".join(block.text for each in paragraphs for block in self._blocks.paragraph(each))
        comment = child(cell, "annotation")
        note = f" {self._blocks.comment(comment)}" if comment is not None and self._comments else ""
        return f"{text or _value(cell) or _formula(cell)}{note}".strip()

    def _is_bold(self, cell: etree._Element) -> bool:
        style = value(cell, "style-name")
        return self._odf.property_of("table-cell", style, "text-properties", "font-weight") == "bold"


def _value(cell: etree._Element) -> str:
    kind = value(cell, "value-type")
    if kind == "percentage":
        try:
            return f"{100 * float(value(cell, 'value') or ''):.11g}%"
        except ValueError:
            return ""
    named = {"date": "date-value", "time": "time-value", "boolean": "boolean-value", "string": "string-value"}
    return value(cell, named.get(kind or "", "value")) or ""


def _formula(cell: etree._Element) -> str:
    """Return a formula without the name of its language and with references as a sheet shows them."""
    stated = value(cell, "formula") or ""
    formula = stated.partition(":")[2] if stated.partition("=")[0].endswith(":") else stated
    return formula.replace("[.", "").replace(":.", ":").replace("]", "")
