"""CSV and TSV: each row becomes a line of `name: cell` pairs; the names are those of the first row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, read_text
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the table as one document."""
    path = given.path
    text = read_text(path)
    try:
        # 8,192 characters, a chosen value: enough rows to see the delimiter; sniffing a whole large file takes long.
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [row for row in csv.reader(io.StringIO(text), dialect) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise LoadFault(f"it is not a valid table: {error}; save it again as CSV") from error
    if not rows:
        raise LoadFault("it contains no text, only separators; fill it in or remove it")
    names = [name.strip() for name in rows[0]]
    lines = [_line(names, row) for row in rows[1:]] or [" | ".join(names)]
    yield document(path, "\n".join(lines), parser="csv", version="1")


def _line(names: list[str], row: list[str]) -> str:
    cells = [" ".join(cell.split()) for cell in row]
    named = [*names, *[""] * (len(cells) - len(names))]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(named, cells, strict=False) if cell)
