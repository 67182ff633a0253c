"""A folder of real files of several formats, with passages of mixed lengths."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "sample"

Section = tuple[str, list[str]]
"""A heading and its paragraphs."""


def sections(number: int, count: int) -> list[Section]:
    """Return sections from the sample handbook, of one to six paragraphs with 5 to 130 words each."""
    known = " ".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.md"))).split()
    found = list[Section]()
    for n in range(number * count, (number + 1) * count):
        starts = [(n * 977 + part * 331) % (len(known) - 140) for part in range(1 + n % 6)]
        sizes = [5 + (n * 37 + part * 53) % 126 for part in range(len(starts))]
        found.append((f"Part {n}", [" ".join(known[at : at + size]) for at, size in zip(starts, sizes, strict=True)]))
    return found


def markdown(path: Path, title: str, parts: list[Section]) -> None:
    """Write a Markdown file."""
    lines = [f"# {title}", *("\n\n".join((f"## {heading}", *texts)) for heading, texts in parts)]
    path.write_text("\n\n".join(lines), encoding="utf-8")


def html(path: Path, title: str, parts: list[Section]) -> None:
    """Write a web page."""
    body = "".join(
        f"<h2>{heading}</h2>" + "".join(f"<p>{escape(text)}</p>" for text in texts) for heading, texts in parts
    )
    path.write_text(f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1>{body}", encoding="utf-8")


def docx(path: Path, title: str, parts: list[Section]) -> None:
    """Write a Word document."""
    from docx import Document

    document = Document()
    document.add_heading(title, 0)
    for heading, texts in parts:
        document.add_heading(heading, 1)
        for text in texts:
            document.add_paragraph(text)
    document.save(str(path))


def pdf(path: Path, title: str, parts: list[Section]) -> None:
    """Write a PDF."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

    styles = getSampleStyleSheet()
    flow: list[Flowable] = [Paragraph(title, styles["Title"])]
    for heading, texts in parts:
        flow += [Paragraph(heading, styles["Heading2"]), *(Paragraph(escape(text), styles["Normal"]) for text in texts)]
    SimpleDocTemplate(str(path)).build(flow)


FORMATS: dict[str, Callable[[Path, str, list[Section]], None]] = {
    "md": markdown,
    "html": html,
    "docx": docx,
    "pdf": pdf,
}


def mixed_files(folder: Path, count: int, parts: int) -> None:
    """Write `count` files of so many sections each, of one format after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        suffix = list(FORMATS)[n % len(FORMATS)]
        FORMATS[suffix](folder / f"{n:03}.{suffix}", f"Handbook, volume {n}", sections(n, parts))
