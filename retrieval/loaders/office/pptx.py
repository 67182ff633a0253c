"""PPTX: each slide is a page, its title a heading; charts, SmartArt and the speaker's notes are read.

The XML is read as it is, as for DOCX: python-pptx knows no Strict OOXML and refuses a file that lacks a picture.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from retrieval.documents import Heading, LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document_of_pages
from retrieval.loaders.office.package import Parts, child, parts_of
from retrieval.loaders.office.slides import Slide
from retrieval.loaders.source import Source

JUNK_TITLES = ("", "PowerPoint Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint")
"""What PowerPoint writes where the author wrote no title."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with one page for each slide."""
    with parts_of(given, "a presentation program") as parts:
        loaded = _document(given, parts)
    yield loaded


def _document(given: Source, parts: Parts) -> LoadedDocument:
    main = parts.main("ppt/presentation.xml")
    root = parts.root(main)
    if root is None:
        raise KeyError(main)
    pages, hidden, titles = [], 0, []
    for number, name in enumerate(_slides(parts, main, root), 1):
        page, slide = TextBuilder(), Slide(parts, name)
        for block in slide.blocks():
            page.add(block.text, 1 if block.is_title else None, kind=block.kind)
        titles += [heading.title for heading in page.headings[:1]]
        if page.text and not page.headings:  # else its passages would stand under the title of the slide before
            page.headings.append(Heading(start=0, level=1, title=f"Slide {number}"))
        hidden += slide.hidden
        pages.append(page)
    properties = parts.root(parts.first("", "core-properties"))
    stated = None if properties is None else child(properties, "title")
    title = "" if stated is None else (stated.text or "").strip()
    return document_of_pages(
        given.path,
        pages,
        parser="pptx",
        version="3",
        title=next(iter(titles), given.path.stem) if title in JUNK_TITLES else title,
        metadata={HIDDEN: hidden} if hidden else {},
    )


def _slides(parts: Parts, main: str, root: etree._Element) -> list[str]:
    """Return the names of the slides' parts in the order of the presentation."""
    related = parts.related(main)
    ids = child(root, "sldIdLst")
    found = []
    for each in () if ids is None else ids:
        # The id of the relationship, not the number of the slide, whose name without its namespace is the same.
        reference = next((str(held) for key, held in each.attrib.items() if str(key).endswith("}id")), "")
        kind, name = related.get(reference, ("", ""))
        if kind == "slide" and parts.has(name):
            found.append(name)
    return found
