"""Canonical text, which all offsets refer to: line breaks are LF, pages are joined by form feeds.

Nothing else is changed; in particular, Unicode is not normalised, so that a quote stays what the author wrote.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

from retrieval.documents import Block, Heading, LoadedDocument
from retrieval.loaders.errors import LoadFault
from retrieval.loaders.source import Source
from state.values import Kind

HIDDEN = "hidden_characters"
"""Key of a document's metadata: how many characters of text, white space aside, were left out as hidden."""

CODE_INDENT = " " * 4
"""Stands before the lines of code in texts whose formats mark it, so that a passage shows which lines are code."""

BULLET = "- "
"""Stands before an item of a list that its format shows with a mark, but without a number."""

_INSET = " " * 2  # before what belongs to an item of a list: its further paragraphs, and lists within it
_DEEPEST_INSET = " " * 3  # the same for an item within another; four spaces would make code of it

ENCODING = "encoding_guessed"
"""Key of a document's metadata: the encoding of a text that states none, if it was guessed."""

_BREAKS = re.compile(r"\r\n?")
_BLANK_LINES_ABOVE = re.compile(r"\A(?:[^\S\n]*\n)+")
# UTF-32 before UTF-16: the little-endian mark of UTF-32 begins with that of UTF-16.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = tuple(map(chr, (*range(0x09), *range(0x0E, 0x1B))))
_MOST_CONTROL = 0.01
"""A text with a larger share of control characters is taken for binary. A chosen value: some texts hold a few."""


class Decoded(NamedTuple):
    """The canonical text of a file, and its encoding if that was guessed."""

    text: str
    guessed: str | None = None

    @property
    def about(self) -> dict[str, Any]:
        """What the document's metadata say of the encoding."""
        return {ENCODING: self.guessed} if self.guessed else {}


def read_text(given: Source) -> Decoded:
    """Return the canonical text of a file, see `decode`.

    Raises:
        LoadFault: the file is binary or blank, or its encoding is not certain.
    """
    decoded = decode(given.path.read_bytes(), given.settings.encoding)
    checked(decoded.text)
    return decoded


def decode(data: bytes, stated: str | None = None) -> Decoded:
    """Return `data` as text: by its byte order mark, else as UTF-8, else as `stated`, else in a guessed encoding.

    Raises:
        LoadFault: the data are binary, or their encoding is not certain.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    guessed = None
    try:
        text = data.decode(encoding or "utf-8")
        # UTF-16 without a mark is valid UTF-8 where it holds nothing but ASCII.
        known = encoding is not None or "\0" not in text
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise LoadFault("it is not text; convert it to a supported format, or save it as UTF-8") from error
        known = False
    if not known:
        guessed = None if stated else _guess(data)
        text = _decoded_as(data, stated or guessed or "utf-8")
    text = text.removeprefix("\ufeff")
    if "\0" in text or sum(map(text.count, _CONTROL)) > _MOST_CONTROL * len(text):
        raise LoadFault("it is binary, not text; convert it to a supported format, or save it as UTF-8")
    return Decoded(lf(text), guessed)


def _guess(data: bytes) -> str:
    from retrieval.loaders.encodings import guess  # most files are UTF-8; the tables of letters take time to build

    found = guess(data)
    if b"\0" in data and (found is None or not found.startswith("utf_16")):
        raise LoadFault("it is binary, not text; convert it to a supported format, or save it as UTF-8")
    if found is None:
        raise LoadFault(
            "its encoding is not certain; name it with --encoding NAME or data.encoding, or save it as UTF-8"
        )
    return found


def _decoded_as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise LoadFault(
            f"it is not text in {encoding}; name its encoding with --encoding NAME, or save it as UTF-8"
        ) from error


def lf(text: str) -> str:
    """Return `text` with CRLF and CR replaced by LF."""
    return _BREAKS.sub("\n", text)


def well_formed(text: str) -> str:
    """Return `text` with lone surrogates, which no database stores, replaced by `?`."""
    return text.encode("utf-8", "replace").decode()


def checked(text: str) -> str:
    """Return `text` unchanged. Raises `LoadFault` if it is blank."""
    if not text or text.isspace():  # `strip` would copy the text
        raise LoadFault("it contains no text; if it is a scan, run OCR on it first")
    return text


def document(
    path: Path,
    text: str,
    *,
    parser: str,
    version: str,
    title: str = "",
    headings: Sequence[Heading] = (),
    blocks: Sequence[Block] = (),
    page_starts: Sequence[int] = (),
    metadata: dict[str, Any] | None = None,
) -> LoadedDocument:
    """Return the document of a file; its id and source are the path as the caller gave it."""
    first = headings[0].title if headings else ""
    return LoadedDocument(
        document_id=path.as_posix(),
        title=title.strip() or first or path.stem,
        source=path.as_posix(),
        text=checked(text),
        page_starts=tuple(page_starts),
        headings=tuple(headings),
        blocks=tuple(blocks),
        parser=parser,
        parser_version=version,
        metadata=metadata or {},
    )


def defined(term: str) -> str:
    """Return a term as it stands before its definition in one line.

    >>> defined("DPY-4011"), defined("What is a pool?")
    ('DPY-4011:', 'What is a pool?')
    """
    return term if term.endswith((":", "?", "!", "：", "？")) or not term else f"{term}:"


def defining(terms: Sequence[str]) -> str:
    """Return the terms of one definition as an item of a list, which the definition follows.

    >>> defining(["alpha", "beta"])
    '- alpha, beta:'
    """
    return f"{BULLET}{defined(', '.join(terms))}"


def join_pages(pages: Sequence[str]) -> tuple[str, list[int]]:
    """Return the pages joined by form feeds, and the offset of each page."""
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page) + 1
    return "\f".join(pages), starts


class TextBuilder:
    """Collects the paragraphs of a document, with the offsets of its headings and of its other blocks."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at = 0
        self.headings: list[Heading] = []
        self.blocks: list[Block] = []

    def add(
        self, line: str, level: int | None = None, *, kind: Kind = "prose", verbatim: bool = False, within: int = 0
    ) -> None:
        """Add a paragraph, or another block of one `kind`; `level` makes it a heading.

        The first line of code, and of what is `verbatim`, keeps its indentation. What stands in `within` items of
        lists, one within the other, is indented below them.
        """
        clean = lf(line).strip()
        if verbatim or kind == "code":
            clean = _BLANK_LINES_ABOVE.sub("", lf(line)).rstrip()
        if not clean:
            return
        if within and level is None and kind != "table":
            clean = indent(clean, _INSET if within == 1 else _DEEPEST_INSET)
        if level is not None:
            self.headings.append(Heading(start=self._at, level=level, title=" ".join(clean.split())))
            kind = "heading"
        if kind != "prose":
            self.blocks.append(Block(start=self._at, end=self._at + len(clean), kind=kind))
        self._lines.append(clean)
        self._at += len(clean) + 2  # the blank line that `text` joins with

    def include(self, text: str, headings: Sequence[Heading] = (), blocks: Sequence[Block] = ()) -> None:
        """Add a text that has headings and blocks of its own, with offsets in it."""
        if not text or text.isspace():  # `strip` would copy the text
            return
        self.headings += [each.model_copy(update={"start": each.start + self._at}) for each in headings]
        self.blocks += [Block(start=each.start + self._at, end=each.end + self._at, kind=each.kind) for each in blocks]
        self._lines.append(text)
        self._at += len(text) + 2

    @property
    def text(self) -> str:
        """The paragraphs, joined by blank lines."""
        return "\n\n".join(self._lines)


def document_of_pages(
    path: Path,
    pages: Sequence[TextBuilder],
    *,
    parser: str,
    version: str,
    title: str,
    metadata: dict[str, Any] | None = None,
) -> LoadedDocument:
    """Return the document of a file whose pages were built one by one; they are joined by form feeds."""
    text, starts = join_pages([page.text.replace("\f", "\n") for page in pages])
    headings = [
        heading.model_copy(update={"start": heading.start + start})
        for page, start in zip(pages, starts, strict=True)
        for heading in page.headings
    ]
    blocks = [
        Block(start=block.start + start, end=block.end + start, kind=block.kind)
        for page, start in zip(pages, starts, strict=True)
        for block in page.blocks
    ]
    return document(
        path,
        text,
        parser=parser,
        version=version,
        title=title,
        headings=headings,
        blocks=blocks,
        page_starts=starts,
        metadata=metadata,
    )
