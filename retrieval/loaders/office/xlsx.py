"""XLSX: each sheet is a page, each row is a line."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, join_pages, lf
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.office.package import DAMAGED_CONTAINER, opened
from retrieval.loaders.source import Source

DAMAGED = (InvalidFileException, ParseError, *DAMAGED_CONTAINER)


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the workbook as one document with one page for each sheet."""
    try:
        # Read-only mode streams the rows; `data_only` returns results instead of formulas.
        book = load_workbook(opened(given), read_only=True, data_only=True)
        sheets = [_sheet(sheet) for sheet in book.worksheets]
        book.close()
    except LoadFault:
        raise
    except DAMAGED as error:
        raise LoadFault("it is damaged or encrypted; open and save it again with a spreadsheet program") from error
    text, starts = join_pages(sheets)
    yield document(given.path, text, parser="openpyxl", version=version("openpyxl"), page_starts=starts)


def _sheet(sheet: Any) -> str:
    rows = (" | ".join(lf(str(cell)) for cell in row if cell is not None) for row in sheet.iter_rows(values_only=True))
    return "\n".join([sheet.title, *filter(None, rows)])
