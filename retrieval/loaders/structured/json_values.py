"""JSON: the values with the paths of their keys, see `records`. Numbers stand as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, document, read_text, well_formed
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source
from retrieval.loaders.structured.records import Node, Record, add_lines


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document; several values that follow each other are read like an array of them."""
    read = read_text(given)
    values = list(_values(read.text))
    node: Node = values[0] if len(values) == 1 else values
    built = TextBuilder()
    add_lines(built, node, given.settings.limits.cells)
    yield document(
        given.path,
        well_formed(built.text),
        parser="json",
        version="1",
        title=_title(node),
        blocks=built.blocks,
        metadata=read.about,
    )


def _values(text: str) -> Iterator[Any]:
    # Numbers as their text: a figure must not lose digits, and Python refuses very long ones.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=Record)
    at = _after_space(text, 0)
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            yield value
            at = _after_space(text, end)
    except json.JSONDecodeError as error:
        raise LoadFault(f"it is not valid JSON in line {error.lineno}, column {error.colno}; correct it") from error
    except RecursionError as error:
        raise LoadFault("its values are nested too deeply; save it again as plain text") from error


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n\r\x1e":  # the last one begins each value of a JSON text sequence
        at += 1
    return at


def _title(node: Node) -> str:
    """Return what the outermost object gives as its title."""
    named = dict(node.pairs) if isinstance(node, Record) else {}
    return next((text for key in ("title", "name") if isinstance(text := named.get(key), str)), "")
