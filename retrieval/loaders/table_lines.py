"""The rows of a table as lines of text.

Below a header each line is `name: cell; name: cell`, so that a line that is quoted alone says what its figures mean.
Without one, the cells are separated by ` | `, and the number of bars says which column a cell is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_LONGEST_NAME = 80
"""A longer cell is text, not the name of a column; where it is one, it is repeated so far only. A chosen value."""

Row = Sequence[str]
"""The cells of a row. A cell that spans columns stands once for each; one that spans the whole row stands alone."""


def table_lines(rows: Sequence[Row], header_rows: int | None = None) -> list[str]:
    """Return a line for each row that is not blank.

    `header_rows` is how many rows the file itself marks as header, 0 for none; `None` lets the cells decide. Rows above
    the header that hold one cell only are titles, and are lines of their own.
    """
    kept = [[_one_line(cell) for cell in row] for row in rows]
    kept = [row for row in kept if any(row)]
    titles = _titles_above(kept)
    body = kept[titles:]
    count = _guessed_header(body) if header_rows is None else max(min(header_rows - titles, len(body) - 1), 0)
    columns = max(map(len, body), default=0)
    full = next((at for at, row in enumerate(body[count:], count) if len(row) > 1 or columns == 1), None)
    names = _names(body[:count]) if full is not None else []
    # The first full row names all columns, and in full, so that no word of the header is lost.
    short = list(map(repetition, names))
    return [row[0] for row in kept[:titles]] + [
        _line(names, row, len(names)) if at == full else _line(short, row, 0)
        for at, row in enumerate(body)
        if at >= count or full is None
    ]


def repetition(text: str) -> str:
    """Return what a merged cell shows in the further columns and rows that it spans: of a long text, the beginning."""
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME].rstrip()}…"


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def _titles_above(rows: Sequence[Row]) -> int:
    """Return how many rows at the top hold nothing but their first cell, though rows below them hold more."""
    for count, row in enumerate(rows):
        if any(row[1:]):
            return count
    return 0


def _guessed_header(rows: Sequence[Row]) -> int:
    """Return 1 if the first row looks like the names of the columns, else 0.

    Names are short, distinct and no figures. Either figures stand below one of them, or there are three columns and two
    rows at least: two columns of words are as often a list of properties, whose first row is one of them.
    """
    if len(rows) < 2:
        return 0
    first, width = rows[0], max(map(len, rows))
    names = [cell for cell in first if cell]
    if len(names) < max(2, width - 1) or len(set(names)) < len(names):
        return 0
    if any(is_figure(name) or len(name) > _LONGEST_NAME for name in names):
        return 0
    columns = [[row[at] for row in rows[1:] if at < len(row) and row[at]] for at, name in enumerate(first) if name]
    figures = any(column and all(map(is_figure, column)) for column in columns)
    return int(figures or (width > 2 and len(rows) > 2))


def is_figure(cell: str) -> bool:
    """Return whether a cell is a number, an amount or a date in digits."""
    return any(map(str.isdigit, cell)) and not any(map(str.isalpha, cell))


def _names(header: Sequence[Row]) -> list[str]:
    """Return the name of each column: what the rows of the header say of it, without repetitions."""
    width = max(map(len, header), default=0)
    return [" ".join(dict.fromkeys(row[at] for row in header if at < len(row) and row[at])) for at in range(width)]


def _line(names: Sequence[str], row: Row, least: int) -> str:
    """Return the line of a row, of `least` columns at least."""
    if not names or (len(row) == 1 and len(names) > 1):
        return _bars(row)
    return "; ".join(_named(names, row, least))


def _named(names: Sequence[str], row: Row, least: int) -> Iterator[str]:
    last = max(at for at, cell in enumerate(row) if cell)
    for at in range(max(last + 1, least)):
        name, cell = (each[at] if at < len(each) else "" for each in (names, row))
        if name or cell:
            yield f"{name}: {cell}".strip() if name else cell


def _bars(row: Row) -> str:
    return " | ".join(row).strip()
