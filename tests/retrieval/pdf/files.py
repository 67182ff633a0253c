"""Small PDF files, drawn by reportlab, or written out where it cannot draw what is needed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders import load_paths
from settings import Settings

Drawn = tuple[str, float, float, float]
"""A line: its text, its place from the left and the bottom, and the size of its letters."""


def lines(texts: Iterable[str], *, x: float = 72, y: float = 700, size: float = 11) -> list[Drawn]:
    """Return lines that stand below each other."""
    return [(text, x, y - n * size * 1.25, size) for n, text in enumerate(texts)]


def drawn(path: Path, *pages: Iterable[Drawn], title: str = "", marks: Iterable[tuple[str, int, int]] = ()) -> Path:
    """Write a PDF with these pages; `marks` are bookmarks: title, page and level, counted from 0."""
    canvas = Canvas(str(path))
    canvas.setTitle(title)
    for n, page in enumerate(pages):
        for text, x, y, size in page:
            canvas.setFont("Helvetica", size)
            canvas.drawString(x, y, text)
        for mark, _, level in (mark for mark in marks if mark[1] == n):
            canvas.bookmarkPage(mark)
            canvas.addOutlineEntry(mark, mark, level)
        canvas.showPage()
    canvas.save()
    return path


def written(path: Path, content: str, *objects: str, page: str = "", catalog: str = "") -> Path:
    """Write a PDF of one page with this content; its font `F` is the first of `objects`, which count from 5.

    `page` and `catalog` are further entries of these two objects.
    """
    bodies = [
        f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R{page}>>",
        stream(content),
        *objects,
    ]
    out, offsets = b"%PDF-1.7\n", []
    for n, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(bodies) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF"
    )
    path.write_bytes(out + end.encode("latin-1"))
    return path


def stream(content: str) -> str:
    """Return an object that holds `content`."""
    return f"<</Length {len(content)}>>stream\n{content}\nendstream"


def read(path: Path, **data: object) -> LoadedDocument:
    """Return the document of a file."""
    document, *rest = load_paths([path], Settings(data=data))
    assert isinstance(document, LoadedDocument), document
    assert all(isinstance(each, FailedFile) for each in rest)
    return document


def refused(path: Path, **data: object) -> str:
    """Return why a file is refused."""
    (found,) = load_paths([path], Settings(data=data))
    assert isinstance(found, FailedFile), found
    return found.reason
