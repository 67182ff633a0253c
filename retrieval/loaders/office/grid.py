"""The cells of a sheet, and the tables and lines that they make; the same for each format of workbook."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.table_lines import Row, repetition, table_lines

_MOST_HEADER_ROWS = 3
"""More bold rows below each other are no header. A chosen value."""

Bounds = tuple[int, int, int, int]
"""The first column and row of a range, and the last ones."""


class Grid:
    """The cells of one sheet that hold something, by row and column; `most` bounds their number."""

    def __init__(self, most: int) -> None:
        self.rows: dict[int, dict[int, str]] = {}
        self.headers: set[int] = set()
        self.bold: set[int] = set()
        self.spanning: set[int] = set()
        self.count = 0
        self._most = most

    def counted(self, more: int) -> None:
        """Take note of further cells. Raises `LoadFault` if they are more than allowed."""
        self.count += more
        if self.count > self._most:
            raise LoadFault("it holds more cells than allowed; split it, or raise SIXPLANE_DATA__LIMITS__CELLS")

    def repeat(self, merged: list[Bounds]) -> None:
        """Repeat each merged cell in the rows and columns that it spans and that hold anything."""
        used = sorted({column for row in self.rows.values() for column in row})
        numbers = sorted(self.rows)
        for left, top, right, bottom in merged:
            text = self.rows.get(top, {}).get(left, "")
            if text and top == bottom and left < right and len(self.rows[top]) == 1:
                self.spanning.add(top)  # a line across the table
            elif text:
                columns = used[bisect_left(used, left) : bisect_right(used, right)]
                for number in numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
                    self.counted(len(columns))
                    for column in columns:
                        self.rows[number].setdefault(column, repetition(text))

    def block_rows(self, numbers: list[int]) -> list[Row]:
        """Return the rows as cells in the columns that any of them uses."""
        columns = sorted({column for number in numbers for column in self.rows[number]})
        self.counted(len(columns) * len(numbers) - sum(len(self.rows[number]) for number in numbers))
        return [
            list(self.rows[number].values())
            if number in self.spanning
            else [self.rows[number].get(column, "") for column in columns]
            for number in numbers
        ]


def sheet_blocks(sheet: Grid) -> Iterator[str]:
    """Yield the tables of a sheet, which blank rows separate; what stands above a header is a block of its own."""
    for numbers in _consecutive(sorted(sheet.rows)):
        first, last = _header(sheet, numbers)
        if first:
            yield "\n".join(table_lines(sheet.block_rows(numbers[:first]), 0))
        yield "\n".join(table_lines(sheet.block_rows(numbers[first:]), last - first or None))


def _header(sheet: Grid, numbers: list[int]) -> tuple[int, int]:
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
