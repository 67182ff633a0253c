"""Markdown: the canonical text is the source without its comments, so that a quote equals what the author wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise

from markdown_it import MarkdownIt

from retrieval.documents import Heading, LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document, read_text
from retrieval.loaders.source import Source

_PARSER = MarkdownIt("commonmark")
_CODE_OR_COMMENT = re.compile(r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|(?P<comment><!--.*?-->)", re.DOTALL)
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<fields>.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(?P<title>[^\n]*?)[\"']?[ \t]*$", re.MULTILINE)
_STATED = re.compile(
    r"^(?P<key>date|published|modified|updated|version):[ \t]*[\"']?(?P<value>[^\n\"']{1,64}?)[\"']?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
"""What front matter says of the document's date and version: kept as metadata, for prompts, reports and filters."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    path = given.path
    read = read_text(given)
    source = read.text
    text = without_comments(source)
    hidden = len("".join(source.split())) - len("".join(text.split()))
    front = _FRONT_MATTER.match(text)
    named = _TITLE.search(front["fields"]) if front else None
    yield document(
        path,
        text,
        parser="markdown-it-py",
        version=version("markdown-it-py"),
        title=named["title"] if named else "",
        headings=headings_of(text),
        metadata={**read.about, **(_stated(front["fields"]) if front else {}), **({HIDDEN: hidden} if hidden else {})},
    )


def add_markdown(built: TextBuilder, source: str) -> None:
    """Add a text in Markdown with its headings."""
    text = without_comments(source).strip()
    built.include(text, headings_of(text))


def _stated(fields: str) -> dict[str, str]:
    return {each["key"].lower(): each["value"] for each in _STATED.finditer(fields)}


def headings_of(text: str) -> list[Heading]:
    """Return the headings with their offsets in `text`, ignoring front matter."""
    starts = line_starts(text)
    # CommonMark knows no front matter: its closing `---` would turn the line above it into a heading. Blank lines
    # replace it, so that line numbers stay the same.
    body = _FRONT_MATTER.sub(lambda front: "\n" * front[0].count("\n"), text, count=1) if text[:3] == "---" else text
    tokens = _PARSER.parse(body.replace("\f", " "))
    return [
        Heading(start=starts[token.map[0]], level=int(token.tag[1:]), title=inline.content.strip())
        for token, inline in pairwise(tokens)
        if token.type == "heading_open" and token.map and inline.content.strip()
    ]


def without_comments(text: str) -> str:
    """Return Markdown without its comments, those in code aside.

    >>> without_comments("a <!-- b --> c `<!-- d -->`")
    'a  c `<!-- d -->`'
    """
    if "<!--" not in text:
        return text
    lines = text.split("\n")
    code = [token.map for token in _PARSER.parse(text) if token.type in ("fence", "code_block") and token.map]
    pieces, at = [], 0
    for start, end in code:
        pieces += [_uncommented("\n".join([*lines[at:start], ""])), "\n".join([*lines[start:end], ""])]
        at = end
    return "".join([*pieces, _uncommented("\n".join(lines[at:]))])


def _uncommented(text: str) -> str:
    return _CODE_OR_COMMENT.sub(lambda found: "" if found["comment"] else found[0], text)


def line_starts(text: str) -> list[int]:
    """Return the offset of each line; lines end with `\\n` only."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts
