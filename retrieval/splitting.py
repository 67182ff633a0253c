"""Splitting canonical text into passages with exact offsets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from retrieval.documents import Heading, LoadedDocument, Span

# From the widest break to the narrowest: page, paragraph, line, sentence, clause, word, character.
SEPARATORS = ("\f", "\n\n", "\n", ". ", "? ", "! ", "; ", ", ", " ", "")


def split_document(document: LoadedDocument, *, chunk_chars: int, overlap: int) -> list[Span]:
    """Return the passages of `document` in order. None is longer than `chunk_chars` or crosses a heading.

    Every character that is not white space is part of at least one passage.
    """
    spans: list[Span] = []
    for start, end, path in _sections(document):
        spans.extend(
            _span(document, *bounds, path) for bounds in _pieces(document.text, start, end, chunk_chars, overlap)
        )
    return spans


def _sections(document: LoadedDocument) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield start, end and heading path of each section; text before the first heading has an empty path."""
    open_headings: list[Heading] = []
    starts = [heading.start for heading in document.headings]
    if not starts or starts[0] > 0:
        yield 0, starts[0] if starts else len(document.text), ()
    for heading, end in zip(document.headings, [*starts[1:], len(document.text)], strict=False):
        open_headings = [outer for outer in open_headings if outer.level < heading.level] + [heading]
        yield heading.start, end, tuple(outer.title for outer in open_headings)


def _pieces(text: str, start: int, end: int, most: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield the trimmed bounds of each piece; a piece overlaps the one before it by whole words."""
    # The splitter returns strings, not offsets. Without overlap and stripping, its pieces add up to the text, and
    # offsets follow from their lengths; the overlap is added here. Its own `add_start_index` searches for each piece in
    # the text, which can find the wrong place where a text repeats itself.
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    reach = min(overlap, most // 2)
    splitter = RecursiveCharacterTextSplitter(
        separators=list(SEPARATORS),
        chunk_size=most - reach,
        chunk_overlap=0,
        keep_separator="end",
        strip_whitespace=False,
    )
    at = start
    for piece in splitter.split_text(text[start:end]):
        begin, finish = _trimmed(text, at, at + len(piece))
        if begin < finish:
            yield _trimmed(text, _reached_back(text, start, at, reach), finish)
        at += len(piece)


def _reached_back(text: str, start: int, at: int, reach: int) -> int:
    """Return the start of the first word within `reach` characters before `at`, or `at` itself."""
    earliest = max(start, at - reach)
    if earliest == start:
        return start
    return next((n for n in range(earliest, at) if text[n - 1].isspace() and not text[n].isspace()), at)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))


def _span(document: LoadedDocument, start: int, end: int, path: tuple[str, ...]) -> Span:
    pages = document.page_starts
    return Span(start=start, end=end, page=_page(pages, start), page_end=_page(pages, end - 1), heading_path=path)


def _page(starts: Sequence[int], at: int) -> int | None:
    """Return the page, counted from 1, that contains the offset `at`."""
    return max(bisect_right(starts, at), 1) if starts else None
