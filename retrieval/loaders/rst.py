"""reStructuredText: the canonical text is the source itself; headings are recognised by their underlines.

docutils is not used: without Sphinx, it does not know the roles and directives that real manuals are full of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from retrieval.documents import Heading, LoadedDocument
from retrieval.loaders.canonical import document, read_text
from retrieval.loaders.markdown import line_starts
from retrieval.loaders.source import Source

_UNDERLINE = re.compile(r"([=\-`:.'\"~^_*+#<>!$%&(),/;?@\[\]{|}\\])\1{2,}\s*")


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with its headings."""
    read = read_text(given)
    headings = headings_of(read.text)
    yield document(given.path, read.text, parser="rst", version="1", headings=headings, metadata=read.about)


def headings_of(text: str) -> list[Heading]:
    """Return the headings; their levels follow the order in which the underline styles first appear."""
    lines, starts = text.split("\n"), line_starts(text)
    styles: list[tuple[str, bool]] = []
    found: list[Heading] = []
    for n, (title, under) in enumerate(pairwise(lines)):
        if not _is_heading(title, under):
            continue
        over = n > 0 and lines[n - 1].rstrip() == under.rstrip()
        style = (under[0], over)
        if style not in styles:
            styles.append(style)
        found.append(Heading(start=starts[n - 1 if over else n], level=styles.index(style) + 1, title=title.strip()))
    return found


def _is_heading(title: str, under: str) -> bool:
    if not title.strip() or _UNDERLINE.fullmatch(title) or not _UNDERLINE.fullmatch(under):
        return False
    return len(under.rstrip()) >= len(title.strip())
