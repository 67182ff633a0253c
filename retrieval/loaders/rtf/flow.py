"""A flow of paragraphs and tables: the body of an RTF document, and within it notes, text boxes and headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from retrieval.loaders.canonical import TextBuilder
from retrieval.loaders.table_lines import Row, table_lines
from state.values import Kind

_MOST_COLUMNS = 1000


class Block(NamedTuple):
    """A paragraph, a heading if it has a level, an item of a list, or a table."""

    text: str
    level: int | None = None
    kind: Kind = "prose"


class Paragraph(NamedTuple):
    """The properties of the paragraph that is being read."""

    in_table: bool = False
    style: int = 0
    level: int | None = None


@dataclass
class _Columns:
    """The columns of the row that is being read, as `\\cellx` defines them: how each is merged."""

    merged: list[tuple[bool, bool]] = field(default_factory=list)
    is_header: bool = False
    beside: bool = False
    above: bool = False


class Flow:
    """Collects blocks. What belongs to a paragraph, such as its notes, follows it."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.is_item = False
        self._pieces: list[str] = []
        self._after: list[Block] = []
        self._cells: list[str] = []
        self._nested: list[str] = []
        self._rows: list[Row] = []
        self._headers = 0
        self._columns = _Columns()

    def text(self, text: str) -> None:
        """Add text to the paragraph."""
        self._pieces.append(text)

    def after(self, blocks: list[Block]) -> None:
        """Add blocks that follow the paragraph."""
        self._after += blocks

    def end_paragraph(self, level: int | None = None, *, in_cell: bool = False) -> None:
        """End a paragraph; within a cell, begin the next line of the cell."""
        if in_cell:
            self._pieces.append("\n")
            return
        self._end_table()
        text = "".join(self._pieces).strip()
        self._pieces.clear()
        if text:
            self.blocks.append(Block(text, level, "list" if self.is_item else "prose"))
        self.is_item = False
        self._end_after()

    def end_cell(self) -> None:
        """End a cell of a row."""
        self._cells.append(" ".join("".join((*self._nested, *self._pieces)).split()))
        self._pieces.clear()
        self._nested.clear()

    def end_nested(self, separator: str) -> None:
        """End a cell or a row of a table within a cell."""
        self._nested += ["".join(self._pieces).strip(), separator]
        self._pieces.clear()

    def begin_row(self) -> None:
        """Begin the definition of a row's columns."""
        self._columns = _Columns()

    def define(self, word: str) -> None:
        """Take note of what the definition of a row says."""
        columns = self._columns
        if word == "cellx" and len(columns.merged) < _MOST_COLUMNS:
            columns.merged.append((columns.beside, columns.above))
            columns.beside = columns.above = False
        columns.is_header |= word == "trhdr"
        columns.beside |= word == "clmrg"
        columns.above |= word == "clvmrg"

    def end_row(self) -> None:
        """End a row. A merged cell is repeated in each column and row that it spans."""
        row = list(self._cells)
        self._cells.clear()
        for at, (beside, above) in enumerate(self._columns.merged[: len(row)]):
            if row[at]:
                continue
            if beside and at:
                row[at] = row[at - 1]
            elif above and self._rows and at < len(self._rows[-1]):
                row[at] = self._rows[-1][at]
        if any(row):
            self._headers += self._columns.is_header and self._headers == len(self._rows)
            self._rows.append(row)

    def finish(self) -> list[Block]:
        """Return all blocks."""
        if self._cells:  # a row that a damaged file does not end
            self.end_cell()
            self.end_row()
        self.end_paragraph()
        return self.blocks

    def _end_table(self) -> None:
        if not self._rows:
            return
        text = "\n".join(table_lines(self._rows, self._headers or None))
        self.blocks.append(Block(text, None, "table"))
        self._rows, self._headers = [], 0
        self._end_after()

    def _end_after(self) -> None:
        self.blocks += self._after
        self._after = []


def add_blocks(built: TextBuilder, blocks: list[Block]) -> None:
    """Add blocks to a document."""
    for block in blocks:
        built.add(block.text, block.level, kind=block.kind)
