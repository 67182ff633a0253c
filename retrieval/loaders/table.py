"""CSV and TSV: each row becomes a line of `name: cell` pairs; the names are those of the first row of the table."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from retrieval.documents import Block, LoadedDocument
from retrieval.loaders.canonical import document, read_text
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source
from retrieval.loaders.table_lines import is_figure, table_lines

_SEPARATOR_LINE = re.compile(r'\A"?sep=(.)"?\n', re.IGNORECASE)
"""The first line with which Excel is told the separator."""
_SEPARATORS = ",;\t|"
_SAMPLE_CHARS = 65_536  # enough rows to see the separator; a chosen value
_MOST_PREAMBLE = 20
"""Lines above a table, such as its title and date, are looked for in so many rows. A chosen value."""

# The module's own limit of 128 KiB for a cell is set for the whole process; the size of the file is bounded instead.
csv.field_size_limit(2**31 - 1)


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the table as one document."""
    read = read_text(given)
    text = read.text
    stated = _SEPARATOR_LINE.match(text)
    body = text[stated.end() :] if stated else text
    try:
        rows = list(_rows(body, stated[1] if stated else _separator(body)))
    except csv.Error as error:
        raise LoadFault(f"it is not a valid table: {error}; save it again as CSV") from error
    if not any(map(any, rows)):
        raise LoadFault("it contains no text, only separators; fill it in or remove it")
    above = _preamble(rows)
    header = next((row for row in rows[above:] if any(row)), [])
    marked = 0 if all(is_figure(cell) for cell in header if cell) else 1
    preamble = "\n".join(table_lines([[cell for cell in row if cell] for row in rows[:above]], 0))
    table = "\n".join(table_lines(rows[above:], marked))
    text = f"{preamble}\n{table}" if preamble else table
    block = Block(start=len(text) - len(table), end=len(text), kind="table")
    yield document(given.path, text, parser="csv", version="3", blocks=[block], metadata=read.about)


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    return ([cell.strip() for cell in row] for row in reader)


def _separator(text: str) -> str:
    """Return the separator that cuts most of the first rows into the same number of cells, more than one.

    `csv.Sniffer` is not asked: it takes `""` for the end of a cell if its sample has no such pair.
    """
    sample = text[:_SAMPLE_CHARS]
    if len(sample) < len(text):
        sample = sample[: sample.rfind("\n") + 1] or sample

    def fit(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(sample, separator) if any(row)]
        width, count = _usual(widths)
        return (count / len(widths), width) if width > 1 else (0.0, 0)

    return max(_SEPARATORS, key=fit)


def _usual(widths: Sequence[int]) -> tuple[int, int]:
    """Return the most frequent width above 1, and how often it occurs."""
    counted = Counter(width for width in widths if width > 1)
    return counted.most_common(1)[0] if counted else (0, 0)


def _preamble(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows stand above the table: those with one cell, and those that a blank row sets apart."""
    usual, _ = _usual([len(row) for row in rows if any(row)])
    above = 0
    for at, row in enumerate(rows[:_MOST_PREAMBLE]):
        filled = sum(map(bool, row))
        set_apart = filled == 0 and all(len(each) < usual for each in rows[:at] if any(each))
        if set_apart or (filled == 1 and above == at and usual > 1):
            above = at + 1
    return above if any(map(any, rows[above:])) else 0
