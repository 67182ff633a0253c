"""Tables on a terminal: as wide as it is, and nothing broken off."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_GAP = 2
"""Columns between two cells."""

_SHORTEST = 20
"""Fewest columns of a cell that may be cut. A chosen value: the first words of a question."""

Row = tuple[str, ...]


def show_table(console: Console, columns: Row, rows: Sequence[Row], *, cut: str = "") -> None:
    """Print rows as a table, in which lines break between words; only cells of the column `cut` are cut off.

    If the console is too narrow for the longest words, each row becomes a paragraph with a line for each cell.
    """
    widths = _widths(columns, rows, cut, console.width)
    if widths is None:
        _show_paragraphs(console, columns, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP, 0, 0), pad_edge=False, show_edge=False)
    for name, width in zip(columns, widths, strict=True):
        table.add_column(Text(name), width=width)
    for row in rows:
        named = zip(columns, row, strict=True)
        table.add_row(
            *(Text(cell, no_wrap=name == cut, overflow="ellipsis" if name == cut else "fold") for name, cell in named)
        )
    console.print(table)


def _widths(columns: Row, rows: Sequence[Row], cut: str, width: int) -> list[int] | None:
    """Return the width of each column, so that no word is broken; `None` if the words do not fit into `width`."""
    room = width - _GAP * len(columns)
    whole, least = [], []
    for number, name in enumerate(columns):
        texts = [name, *(row[number] for row in rows)]
        longest = max(map(cell_len, texts))
        words = max(cell_len(word) for text in texts for word in text.split() or [""])
        least.append(min(longest, _SHORTEST) if name == cut else words)
        whole.append(min(longest, max(room, words)))
    if sum(least) > room:
        return None
    while sum(whole) > room:
        # The widest gives way first, so that short columns stay on one line.
        widest = max(range(len(whole)), key=lambda number: (whole[number] > least[number], whole[number]))
        whole[widest] -= 1
    return whole


def _show_paragraphs(console: Console, columns: Row, rows: Sequence[Row]) -> None:
    for number, row in enumerate(rows):
        if number:
            console.print()
        for name, cell in zip(columns, row, strict=True):
            if cell:
                console.print(Text(f"{name}: {cell}" if name else cell), soft_wrap=True)
