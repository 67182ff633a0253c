"""ODP and ODG: each slide is a page, its title a heading; shapes from top to bottom, then the speaker's notes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from retrieval.documents import Heading, LoadedDocument
from retrieval.loaders.canonical import HIDDEN, TextBuilder, document_of_pages
from retrieval.loaders.office.package import child, local, value
from retrieval.loaders.office.pptx import JUNK_TITLES
from retrieval.loaders.packages.odf import Odf, opened
from retrieval.loaders.packages.odf_blocks import Blocks
from retrieval.loaders.packages.odf_inline import SHAPES
from retrieval.loaders.source import Source

_LENGTH = re.compile(r"(-?[\d.]+)\s*([a-z]*)")
_IN_CENTIMETRES = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6, "px": 2.54 / 96}
_LINE_HEIGHT = 0.5
"""Centimetres by which shapes of one line may differ. A chosen value."""


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with one page for each slide."""
    with opened(given) as odf:
        loaded = _document(given, odf)
    yield loaded


def _document(given: Source, odf: Odf) -> LoadedDocument:
    blocks, pages, titles = Blocks(odf, comments=given.settings.comments), [], []
    for number, slide in enumerate(odf.body("presentation", "drawing").iterchildren("{*}page"), 1):
        page = TextBuilder()
        _add_slide(page, slide, blocks)
        titles += [heading.title for heading in page.headings[:1]]
        if page.text and not page.headings:  # else its passages would stand under the title of the slide before
            page.headings.append(Heading(start=0, level=1, title=f"Slide {number}"))
        pages.append(page)
    return document_of_pages(
        given.path,
        pages,
        parser="odf",
        version="1",
        title=next(iter(titles), given.path.stem) if odf.title in JUNK_TITLES else odf.title,
        metadata={HIDDEN: blocks.hidden} if blocks.hidden else {},
    )


def _add_slide(page: TextBuilder, slide: etree._Element, blocks: Blocks) -> None:
    shapes = [each for each in slide.iterchildren(etree.Element) if local(each) in SHAPES]
    for shape in sorted(shapes, key=_place):
        is_title = value(shape, "class") == "title"
        if is_title and not page.headings:
            page.add(blocks.flat(shape), 1)
            continue
        for block in blocks.of_shape(shape):
            page.add(block.text, kind=block.kind)
    notes = child(slide, "notes")
    for frame in () if notes is None else notes.iterchildren("{*}frame"):
        if value(frame, "class") == "notes" and (text := blocks.flat(frame)):
            page.add(f"Notes: {text}")


def _place(shape: etree._Element) -> tuple[bool, float, float]:
    """Return where a shape is read: the title, then line by line."""
    return value(shape, "class") != "title", *_corner(shape)


def _corner(shape: etree._Element) -> tuple[float, float]:
    corners = (
        [_corner(each) for each in shape.iterchildren(etree.Element) if local(each) in SHAPES]
        if local(shape) == "g"
        else []
    )
    if corners:
        return min(corners)
    top, left = (_centimetres(value(shape, names[0]) or value(shape, names[1])) for names in (("y", "y1"), ("x", "x1")))
    return round(top / _LINE_HEIGHT), left


def _centimetres(length: str | None) -> float:
    found = _LENGTH.match(length or "")
    try:
        return float(found[1]) * _IN_CENTIMETRES.get(found[2], 1.0) if found else 0.0
    except ValueError:
        return 0.0
