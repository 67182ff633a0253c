"""Canonical text: what offsets count in. Line breaks are LF, pages are joined by form feeds, nothing else changes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.documents import Heading, LoadedDocument
from retrieval.loaders.errors import LoadFault

_BREAKS = re.compile(r"\r\n?")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a]")
_MOST_CONTROL = 0.01


def read_text(path: Path) -> str:
    """Return a text file in canonical line breaks: by its byte order mark, else UTF-8, else Windows-1252.

    Raises:
        LoadFault: it is binary, or blank.
    """
    return checked(decode(path.read_bytes()))


def decode(data: bytes) -> str:
    """Return `data` as text. Raises `LoadFault` for what is none."""
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None or b"\0" in data:
            raise LoadFault("it is not text; convert it to a supported format, or save it as UTF-8") from error
        text = data.decode("cp1252", "replace")
    text = text.removeprefix("\ufeff")
    if "\0" in text or len(_CONTROL.findall(text)) > _MOST_CONTROL * len(text):
        raise LoadFault("it is binary, not text; convert it to a supported format, or save it as UTF-8")
    return lf(text)


def lf(text: str) -> str:
    """Return `text` with LF for CRLF and CR."""
    return _BREAKS.sub("\n", text)


def well_formed(text: str) -> str:
    """Return `text` with `?` for lone surrogates, which no database stores."""
    return text.encode("utf-8", "replace").decode()


def checked(text: str) -> str:
    """Return `text`. Raises `LoadFault` where it is blank."""
    if not text.strip():
        raise LoadFault("it holds no text; if it is a scan, run OCR on it first")
    return text


def document(
    path: Path,
    text: str,
    *,
    parser: str,
    version: str,
    title: str = "",
    headings: Sequence[Heading] = (),
    page_starts: Sequence[int] = (),
    metadata: dict[str, Any] | None = None,
) -> LoadedDocument:
    """Return the document of a file; its id and source are the path as given."""
    first = headings[0].title if headings else ""
    return LoadedDocument(
        document_id=path.as_posix(),
        title=title.strip() or first or path.stem,
        source=path.as_posix(),
        text=checked(text),
        page_starts=tuple(page_starts),
        headings=tuple(headings),
        parser=parser,
        parser_version=version,
        metadata=metadata or {},
    )


def join_pages(pages: Sequence[str]) -> tuple[str, list[int]]:
    """Return the pages joined by form feeds, and the offset at which each begins."""
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page) + 1
    return "\f".join(pages), starts


class TextBuilder:
    """Collects lines and the headings among them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at = 0
        self.headings: list[Heading] = []

    def add(self, line: str, level: int | None = None) -> None:
        """Add a paragraph, as a heading where `level` is given."""
        clean = lf(line).strip()
        if not clean:
            return
        if level is not None:
            self.headings.append(Heading(start=self._at, level=level, title=" ".join(clean.split())))
        self._lines.append(clean)
        self._at += len(clean) + 2

    @property
    def text(self) -> str:
        """Paragraphs joined by blank lines."""
        return "\n\n".join(self._lines)
