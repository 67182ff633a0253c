"""Nested values as lines of text, each with the path of its key, so that a line that is quoted alone says what it is.

Objects become lines such as `server.port: 8080`. An array of objects that hold plain values becomes rows: one line for
each object, `orders[0]: id: 17; item: Nut`. An array of plain values is one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from retrieval.loaders.canonical import TextBuilder, lf
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.table_lines import table_lines
from state.values import Kind


class Record(NamedTuple):
    """An object: its keys and values in their order. A key may occur twice; the key `""` is the object's own text."""

    pairs: Sequence[tuple[str, Node]]


Leaf = str | bool | None
Node = Leaf | Record | list["Node"]
"""A text (of a number too), true, false, nothing, an object or an array."""

_NAMES = {True: "true", False: "false", None: "null"}

_LONGEST_CELL = 200
"""A longer text is read as prose, not as the cell of a row. A chosen value."""
_MOST_CELLS = 40
"""An object with more values is read as lines. A chosen value."""
_DEEPEST_CELL = 4
"""How deep the objects within a row may be nested. A chosen value."""
_LONGEST_PATH, _KEPT_OF_PATH = 200, 80
"""A longer path stands in a line of its own, and only its end before the values below it, as it would multiply. Chosen
values."""


def add_lines(built: TextBuilder, node: Node, most: int) -> None:
    """Add the lines of `node`. Lines of one object stand together, texts of several lines are paragraphs of their own.

    Raises:
        LoadFault: it holds more than `most` values.
    """
    together: list[str] = []
    kinds: list[Kind] = ["list"]

    def ended() -> None:
        built.add("\n".join(together), kind=kinds[0])
        together.clear()

    for count, (line, kind) in enumerate(_lines(node)):
        if count >= most:
            raise LoadFault("it holds more values than allowed; split it, or raise SIXPLANE_DATA__LIMITS__CELLS")
        if kind != kinds[0] or "\n" in line:
            ended()
            kinds[0] = kind
        together.append(line)
        if "\n" in line:
            ended()
    ended()


def _lines(top: Node) -> Iterator[tuple[str, Kind]]:
    """Yield the lines of a value with their kinds. Not recursive: data may be nested as deep as its parser allows."""
    waiting: list[tuple[str, Node]] = [("", top)]
    while waiting:
        path, node = waiting.pop()
        if len(path) > _LONGEST_PATH and not isinstance(node, Leaf) and not _is_empty(node):
            yield f"{path}:", "list"
            path = f"…{path[-_KEPT_OF_PATH:]}"
        if isinstance(node, Leaf):
            text = _text(node)
            yield _named(path, text), "prose" if "\n" in text else "list"
        elif _is_empty(node):
            yield _named(path, _text(node)), "list"
        elif isinstance(node, Record):
            waiting += [(_under(path, key), value) for key, value in reversed(node.pairs)]
        elif all(map(_is_cell, node)):
            yield _named(path, ", ".join(map(_text, node))), "list"
        elif (rows := _rows(path, node)) is not None:
            yield from ((row, "table") for row in rows)
        else:
            waiting += [(f"{path}[{at}]", node[at]) for at in range(len(node) - 1, -1, -1)]


def _rows(path: str, items: list[Node]) -> list[str] | None:
    """Return the lines of an array of arrays of plain values, or of objects that hold them; `None` for any other."""
    if all(isinstance(item, list) and item and all(_is_cell(cell) for cell in item) for item in items):
        rows = table_lines([[_text(cell) for cell in item] for item in items if isinstance(item, list)])
        return [_named(path, row) for row in rows]
    cells = [_cells(item) for item in items]
    if any(each is None for each in cells):
        return None
    lines = ["; ".join(_named(name, text) for name, text in each or ()) for each in cells]
    return [_named(f"{path}[{at}]", line) for at, line in enumerate(lines)] if path else lines


def _cells(item: Node) -> list[tuple[str, str]] | None:
    """Return the values of an object that fits in one line, with their keys; `None` if it does not."""
    if not isinstance(item, Record) or not item.pairs:
        return None
    found: list[tuple[str, str]] = []
    waiting: list[tuple[str, Node, int]] = [("", item, 0)]
    while waiting:
        path, node, depth = waiting.pop()
        if isinstance(node, Record) and node.pairs and depth < _DEEPEST_CELL:
            waiting += [(_under(path, key), value, depth + 1) for key, value in reversed(node.pairs)]
        elif isinstance(node, list) and node and all(_is_cell(each) for each in node):
            found.append((path, ", ".join(map(_text, node))))
        elif _is_cell(node) or _is_empty(node):
            found.append((path, _text(node)))
        else:
            return None
    return found if len(found) <= _MOST_CELLS else None


def _is_cell(node: Node) -> bool:
    return isinstance(node, Leaf) and len(text := _text(node)) <= _LONGEST_CELL and "\n" not in text


def _is_empty(node: Node) -> bool:
    return not (node.pairs if isinstance(node, Record) else node) if isinstance(node, Record | list) else False


def _text(node: Node) -> str:
    """Return a leaf or an empty container as text."""
    if isinstance(node, Record | list):
        return "{}" if isinstance(node, Record) else "[]"
    return lf(node).strip() if isinstance(node, str) else _NAMES[node]


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key


def _named(path: str, text: str) -> str:
    return f"{path}: {text}".strip() if path else text
