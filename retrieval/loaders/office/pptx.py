"""PPTX: each slide is a page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from pptx import Presentation
from pptx.exc import InvalidXmlError, PackageNotFoundError

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, join_pages, lf
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.office.package import DAMAGED_CONTAINER, opened
from retrieval.loaders.source import Source

DAMAGED = (PackageNotFoundError, InvalidXmlError, *DAMAGED_CONTAINER)


def load(given: Source) -> Iterator[LoadedDocument]:
    """Yield the file as one document with one page for each slide."""
    try:
        slides = [_slide(slide.shapes) for slide in Presentation(opened(given)).slides]
    except LoadFault:
        raise
    except DAMAGED as error:
        raise LoadFault("it is damaged or encrypted; open and save it again with a presentation program") from error
    text, starts = join_pages(slides)
    yield document(given.path, text, parser="python-pptx", version=version("python-pptx"), page_starts=starts)


def _slide(shapes: Any) -> str:
    return "\n\n".join(text for shape in shapes for text in _texts(shape) if text)


def _texts(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):  # a group of shapes
        yield _slide(shape.shapes)
    elif shape.has_text_frame:
        # PowerPoint stores a line break within a paragraph as a vertical tab.
        yield lf(shape.text_frame.text).replace("\x0b", "\n").strip()
    elif getattr(shape, "has_table", False):
        yield from (" | ".join(cell.text.strip() for cell in row.cells) for row in shape.table.rows)
