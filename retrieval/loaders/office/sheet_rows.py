"""The rows of a sheet, and the tables and lines that they make."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import IO

from lxml import etree
from openpyxl.utils.cell import column_index_from_string, get_column_letter, range_boundaries

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.office.package import local, value, whole
from retrieval.loaders.office.xlsx_cells import Cells
from retrieval.loaders.table_lines import Row, table_lines

_MOST_HEADER_ROWS = 3
"""More bold rows below each other are no header. A chosen value."""
_READ = ("row", "mergeCell", "autoFilter", "pane")


class Sheet:
    """The cells of one sheet that hold something, by row and column; `most` bounds their number."""

    def __init__(self, cells: Cells, most: int) -> None:
        self.rows: dict[int, dict[int, str]] = {}
        self.headers: set[int] = set()
        self.bold: set[int] = set()
        self.spanning: set[int] = set()
        self.count = 0
        self._cells = cells
        self._most = most
        self._formulas: dict[str, tuple[str, str]] = {}
        self._merged: list[str] = []
        self._row = 0

    def read(self, stream: IO[bytes]) -> None:
        """Read the sheet's XML. What it states of its own size is not looked at."""
        tags = [f"{{*}}{name}" for name in _READ]
        for _, element in etree.iterparse(stream, tag=tags, resolve_entities=False, no_network=True):
            name = local(element)
            if name == "row":
                self._read_row(element)
            elif name == "mergeCell":
                self._merged.append(value(element, "ref") or "")
            elif name == "autoFilter":
                self.headers.add(_bounds(value(element, "ref"))[1])
            elif value(element, "state") == "frozen":
                self.headers.add(whole(value(element, "ySplit")))
            element.clear()
            # An emptied row still costs memory.
            while name == "row" and element.getprevious() is not None:
                del element.getparent()[0]
        self._repeat_merged()

    def _counted(self, more: int) -> None:
        self.count += more
        if self.count > self._most:
            raise LoadFault("it holds more cells than allowed; split it, or raise SIXPLANE_DATA__LIMITS__CELLS")

    def _read_row(self, row: etree._Element) -> None:
        # Rows and cells that a damaged file numbers twice follow each other.
        self._row = max(whole(row.get("r")), self._row + 1)
        found: dict[int, str] = {}
        column, bold = 0, True
        for cell in row:
            column = max(_column(cell.get("r") or ""), column + 1)
            text = self._cells.text(cell, f"{get_column_letter(column)}{self._row}", self._formulas).strip()
            if text:
                found[column] = text
                bold = bold and self._cells.is_bold(cell)
        self._counted(len(found))
        if found:
            self.rows[self._row] = found
            if bold and len(found) > 1:
                self.bold.add(self._row)

    def _repeat_merged(self) -> None:
        """Repeat each merged cell in the rows and columns that it spans and that hold anything."""
        used = sorted({column for row in self.rows.values() for column in row})
        numbers = sorted(self.rows)
        for reference in self._merged:
            left, top, right, bottom = _bounds(reference)
            text = self.rows.get(top, {}).get(left, "")
            if text and top == bottom and left < right and len(self.rows[top]) == 1:
                self.spanning.add(top)  # a line across the table
            elif text:
                columns = used[bisect_left(used, left) : bisect_right(used, right)]
                for number in numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
                    self._counted(len(columns))
                    for column in columns:
                        self.rows[number].setdefault(column, text)

    def block_rows(self, numbers: list[int]) -> list[Row]:
        """Return the rows as cells in the columns that any of them uses."""
        columns = sorted({column for number in numbers for column in self.rows[number]})
        self._counted(len(columns) * len(numbers) - sum(len(self.rows[number]) for number in numbers))
        return [
            list(self.rows[number].values())
            if number in self.spanning
            else [self.rows[number].get(column, "") for column in columns]
            for number in numbers
        ]


def _column(place: str) -> int:
    """Return the number of the column of a cell, 0 if it states none."""
    try:
        return int(column_index_from_string(place.rstrip("0123456789")))
    except ValueError:
        return 0


def _bounds(reference: str | None) -> tuple[int, int, int, int]:
    """Return the first column and row, and the last ones; zeros for what is no range."""
    try:
        left, top, right, bottom = (bound or 0 for bound in range_boundaries(reference or ""))
    except (ValueError, TypeError):
        return 0, 0, 0, 0
    return left, top, right, bottom


def sheet_blocks(sheet: Sheet) -> Iterator[str]:
    """Yield the tables of a sheet, which blank rows separate; what stands above a header is a block of its own."""
    for numbers in _consecutive(sorted(sheet.rows)):
        first, last = _header(sheet, numbers)
        if first:
            yield "\n".join(table_lines(sheet.block_rows(numbers[:first]), 0))
        yield "\n".join(table_lines(sheet.block_rows(numbers[first:]), last - first or None))


def _header(sheet: Sheet, numbers: list[int]) -> tuple[int, int]:
    """Return where in a block the rows begin and end that the sheet shows as header; both 0 if there are none."""
    widest = 0
    for at, number in enumerate(numbers):
        filled = len(sheet.rows[number])
        # A bold row below rows as full as itself is a sum.
        if filled > 1 and (number in sheet.headers or (number in sheet.bold and filled > widest)):
            after = next((end for end in range(at, len(numbers)) if numbers[end] not in sheet.bold), len(numbers))
            end = max(after, at + 1)
            return (at, end) if end - at <= _MOST_HEADER_ROWS and end < len(numbers) else (0, 0)
        widest = max(widest, filled)
    return 0, 0


def _consecutive(numbers: list[int]) -> Iterator[list[int]]:
    block: list[int] = []
    for number in numbers:
        if block and number > block[-1] + 1:
            yield block
            block = []
        block.append(number)
    if block:
        yield block
