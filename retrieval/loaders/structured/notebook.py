"""Jupyter notebooks: cells of Markdown as Markdown, cells of code as code, and the outputs that a person can read.

`nbformat` is not used: it brings a validator that refuses notebooks which every program opens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from textwrap import indent
from typing import Any

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import CODE_INDENT, TextBuilder, document, read_text, well_formed
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.html import add_page
from retrieval.loaders.markdown import add_markdown
from retrieval.loaders.source import Source

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TABLE = re.compile(r"<table\b", re.IGNORECASE)


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the notebook as one document with the headings of its Markdown."""
    read = read_text(given)
    try:
        book = json.loads(read.text)
    except (ValueError, RecursionError) as error:
        raise LoadFault("it is not valid JSON, as notebooks are; open and save it again with Jupyter") from error
    built = TextBuilder()
    for cell in _cells(book):
        _add_cell(built, cell, given.settings.limits.nesting)
    yield document(
        given.path,
        well_formed(built.text),
        parser="notebook",
        version="3",
        headings=built.headings,
        blocks=built.blocks,
        metadata=read.about,
    )


def _cells(book: Any) -> Iterator[dict[str, Any]]:
    """Yield the cells, of formats before the fourth too."""
    book = book if isinstance(book, dict) else {}
    sheets = [book, *_objects(book.get("worksheets"))]
    if not any(isinstance(sheet.get("cells"), list) for sheet in sheets):
        raise LoadFault("it is JSON, but no notebook; name it .json, or open and save it again with Jupyter")
    for sheet in sheets:
        yield from _objects(sheet.get("cells"))


def _add_cell(built: TextBuilder, cell: dict[str, Any], nesting: int) -> None:
    kind, text = cell.get("cell_type"), _text(cell.get("source", cell.get("input")))
    if kind == "markdown":
        add_markdown(built, text, nesting)
    elif kind == "heading":
        level = cell.get("level")
        built.add(text, level if isinstance(level, int) and 1 <= level <= 6 else 1)
    elif kind == "code":
        built.add(indent(text, CODE_INDENT), kind="code")
        for output in _objects(cell.get("outputs")):
            _add_output(built, output, nesting)
    else:
        built.add(text)


def _add_output(built: TextBuilder, output: dict[str, Any], nesting: int) -> None:
    # Before the fourth format, the forms of an output were keys of the output itself.
    data = output.get("data") if isinstance(output.get("data"), dict) else output
    page = _text(_form(data, "text/html", "html"))
    if output.get("output_type") in ("error", "pyerr"):
        built.add(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}")
    elif _TABLE.search(page):
        add_page(built, page, nesting)
    elif markdown := _text(_form(data, "text/markdown", "markdown")):
        add_markdown(built, markdown, nesting)
    else:
        plain = _text(_form(data, "text/plain", "text")) or _text(_form(data, "text/latex", "latex"))
        built.add(_COLOURS.sub("", plain), verbatim=True)


def _form(data: Any, *names: str) -> Any:
    return next((data[name] for name in names if name in data), None)


def _text(value: Any) -> str:
    """Return a text that may stand as a list of its lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
