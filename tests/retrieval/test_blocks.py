"""Loaders say which parts of a text are tables, lists, code and headings."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import TextBuilder, document_of_pages
from tests.retrieval.office.packages import loaded


def blocks_of(document: LoadedDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


@pytest.mark.parametrize(
    ("name", "source", "blocks"),
    [
        ("a.csv", "name,price\ntea,3\n", [("table", "name: tea; price: 3")]),
        ("a.csv", "Prices\nname,price\ntea,3\n", [("table", "name: tea; price: 3")]),
        ("a.html", "<h1>Top</h1><p>Text.<pre> a\n b</pre>", [("heading", "Top"), ("code", "     a\n     b")]),
        ("a.html", "<ul><li>one<li>two <p>more</ul>x", [("list", "- one"), ("list", "- two"), ("list", "  more")]),
        (
            "a.html",
            "x<ol><li>one<pre>code</pre>two</ol>",
            [("list", "1. one"), ("code", "      code"), ("list", "  two")],
        ),
        ("a.html", "<table><tr><th>a<th>b<tr><td>1<td>2</table><p>x", [("table", "a: 1; b: 2")]),
        ("a.html", "<textarea> kept\n lines</textarea><p>x", []),
    ],
)
def test_blocks_are_marked(tmp_path: Path, name: str, source: str, blocks: list[tuple[str, str]]) -> None:
    (tmp_path / name).write_text(source)
    assert blocks_of(loaded(tmp_path / name)) == blocks


def test_pages_keep_their_blocks() -> None:
    first, second = TextBuilder(), TextBuilder()
    first.add("Title", 1)
    first.add("text")
    second.add("  a = 1\n", kind="code")
    second.add("\n\n")
    second.add("a | b", kind="table")
    joined = document_of_pages(Path("a.xlsx"), [first, second], parser="xlsx", version="1", title="a")
    assert joined.text == "Title\n\ntext\f  a = 1\n\na | b"
    found = [(block.kind, joined.text[block.start : block.end]) for block in joined.blocks]
    assert found == [("heading", "Title"), ("code", "  a = 1"), ("table", "a | b")]
