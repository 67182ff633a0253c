"""LangChain documents and loaders; any `BaseLoader` can be ingested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from retrieval.documents import FailedFile, LoadedDocument
from retrieval.loaders.canonical import join_pages, lf, well_formed
from state.access import AUDIENCE, labels_in
from state.errors import BadInput

_MOST_PAGES = 100_000
"""A larger value is the number of something else. A chosen value: the offset of each page is kept."""
_MOST_DIGITS = 9


def load_loader(loader: BaseLoader) -> Iterator[LoadedDocument | FailedFile]:
    """Yield the documents of `loader`. If it fails, the error is reported and earlier documents are kept."""
    name = type(loader).__name__
    documents: Iterator[Document] | None = None

    def each() -> Iterator[Document | FailedFile]:
        nonlocal documents
        while True:
            try:
                documents = documents or iter(loader.lazy_load())
                yield next(documents)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - a foreign loader may raise anything; reported as failed
                yield FailedFile(source=name, reason=f"the loader failed with {type(error).__name__}")
                return

    yield from _grouped(each())


def load_langchain(documents: Iterable[Document]) -> Iterator[LoadedDocument | FailedFile]:
    """Yield LangChain documents; consecutive ones with the same `source` and a `page` become one document.

    The value of `page` says which page a passage is cited with, and chunks of one page stand on that page. LangChain's
    PDF loaders count from 0, others from 1; see `_counts_from_zero`.

    Further documents of a source without pages, as text splitters make them, become documents named `source#2`,
    `source#3` and so on. Pages of one source that are not consecutive are reported as failed, since their page numbers
    would be wrong.
    """
    yield from _grouped(documents)


def _grouped(documents: Iterable[Document | FailedFile]) -> Iterator[LoadedDocument | FailedFile]:
    named: Counter[str] = Counter()
    for _, group in groupby(enumerate(documents, 1), key=_key):
        members = list(group)
        number, first = members[0]
        if isinstance(first, FailedFile):
            yield first
        else:
            yield _joined(number, [document for _, document in members if isinstance(document, Document)], named)


def _key(numbered: tuple[int, Document | FailedFile]) -> Any:
    number, document = numbered
    if isinstance(document, FailedFile) or "page" not in document.metadata:
        return number
    return str(document.metadata.get("source") or number)


def _joined(number: int, pages: list[Document], named: Counter[str]) -> LoadedDocument | FailedFile:
    first = pages[0]
    source = str(first.metadata.get("source") or first.id or f"document-{number}")
    paged = "page" in first.metadata
    text, starts = _paged_text(pages) if paged else (_text_of(first), [])
    if not text.strip():
        return FailedFile(source=source, reason="it contains no text")
    named[source] += first.id is None
    if paged and first.id is None and named[source] > 1:
        return FailedFile(source=source, reason="its pages are not consecutive; sort the documents by source and page")
    try:
        labels = {labels_in(page.metadata) for page in pages}
    except BadInput as error:  # a label that is not understood: without it, the whole tenant could read the document
        return FailedFile(source=source, reason=f"{error.message}; {error.hint}")
    if len(labels) > 1:
        return FailedFile(source=source, reason=f"its pages differ in their `{AUDIENCE}`; give all of them the same")
    rest = {key: value for key, value in first.metadata.items() if key not in ("page", "page_label", AUDIENCE)}
    return LoadedDocument(
        document_id=first.id or (source if named[source] == 1 else f"{source}#{named[source]}"),
        title=str(first.metadata.get("title") or source),
        source=source,
        text=well_formed(text),
        page_starts=tuple(starts),
        parser="langchain",
        parser_version="2",
        metadata={key: value for key, value in rest.items() if isinstance(value, str | int | float | bool)},
        audience=labels.pop(),
    )


def _text_of(document: Document) -> str:
    # A form feed within a page would look like a page break in the canonical text.
    return lf(document.page_content).replace("\f", "\n")


def _paged_text(documents: list[Document]) -> tuple[str, list[int]]:
    """Return the text of the pages in their order, and where each page starts, from the first page of the source on.

    A page that was not given starts where the next one does: it holds nothing.
    """
    texts: dict[int, list[str]] = {}
    for number, document in sorted(zip(_numbers(documents), documents, strict=True), key=lambda pair: pair[0]):
        texts.setdefault(number, []).append(_text_of(document))
    text, given = join_pages(["\n".join(chunks) for chunks in texts.values()])
    starts: list[int] = []
    for number, start in zip(texts, given, strict=True):
        starts += [start] * (number - len(starts))
    return text, starts


def _numbers(documents: list[Document]) -> list[int]:
    """Return the page of each document, counted from 1; its place among the documents if the values are no pages."""
    values = [_whole(document.metadata.get("page")) for document in documents]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or max(known) > _MOST_PAGES:
        return list(range(1, len(documents) + 1))
    return [value + 1 for value in known] if _counts_from_zero(documents, known) else known


def _counts_from_zero(documents: list[Document], values: list[int]) -> bool:
    """Return whether the values count from 0: one of them is 0, or the documents come from one of LangChain's loaders.

    Those loaders state `total_pages`, which a count from 1 reaches, or a `page_label` that is the value plus 1.
    """
    if 0 in values:
        return True
    about = [document.metadata for document in documents]
    labels = [_whole(each.get("page_label")) for each in about]
    if any(label == value for label, value in zip(labels, values, strict=True)):
        return False
    stated = any(label == value + 1 for label, value in zip(labels, values, strict=True))
    totals = [total for each in about if (total := _whole(each.get("total_pages"))) is not None]
    return stated or (bool(totals) and max(values) < max(totals))


def _whole(value: object) -> int | None:
    """Return a page number that is not negative, or `None`."""
    text = str(value).strip()
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None
