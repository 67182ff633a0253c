"""The rows of a sheet of an XLSX file."""

from __future__ import annotations

from typing import IO

from lxml import etree
from openpyxl.utils.cell import column_index_from_string, get_column_letter, range_boundaries

from retrieval.loaders.office.grid import Bounds, Grid
from retrieval.loaders.office.package import local, value, whole
from retrieval.loaders.office.xlsx_cells import Cells

_READ = ("row", "mergeCell", "autoFilter", "pane")


class Sheet(Grid):
    """The cells of one sheet."""

    def __init__(self, cells: Cells, most: int) -> None:
        super().__init__(most)
        self._cells = cells
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
        self.repeat([_bounds(reference) for reference in self._merged])

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
        self.counted(len(found))
        if found:
            self.rows[self._row] = found
            if bold and len(found) > 1:
                self.bold.add(self._row)


def _column(place: str) -> int:
    """Return the number of the column of a cell, 0 if it states none."""
    try:
        return int(column_index_from_string(place.rstrip("0123456789")))
    except ValueError:
        return 0


def _bounds(reference: str | None) -> Bounds:
    """Return the first column and row, and the last ones; zeros for what is no range."""
    try:
        left, top, right, bottom = (bound or 0 for bound in range_boundaries(reference or ""))
    except (ValueError, TypeError):
        return 0, 0, 0, 0
    return left, top, right, bottom
