"""PPTX: each slide is a page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.exc import InvalidXmlError, PackageNotFoundError

from retrieval.documents import LoadedDocument
from retrieval.loaders.canonical import document, join_pages, lf
from retrieval.loaders.container import DAMAGED_CONTAINER
from retrieval.loaders.errors import LoadFault

DAMAGED = (PackageNotFoundError, InvalidXmlError, *DAMAGED_CONTAINER)


def load(path: Path) -> Iterator[LoadedDocument]:
    """Yield the file as one document with one page for each slide."""
    try:
        slides = [_slide(slide.shapes) for slide in Presentation(str(path)).slides]
    except DAMAGED as error:
        raise LoadFault("it is damaged or encrypted; open and save it again with a presentation program") from error
    text, starts = join_pages(slides)
    yield document(path, text, parser="python-pptx", version=version("python-pptx"), page_starts=starts)


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
