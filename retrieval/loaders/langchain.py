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
    # A form feed within a page would look like a page break in the canonical text.
    text, starts = join_pages([lf(page.page_content).replace("\f", "\n") for page in pages])
    if not text.strip():
        return FailedFile(source=source, reason="it contains no text")
    paged = "page" in first.metadata
    named[source] += first.id is None
    if paged and first.id is None and named[source] > 1:
        return FailedFile(source=source, reason="its pages are not consecutive; sort the documents by source and page")
    try:
        labels = {labels_in(page.metadata) for page in pages}
    except BadInput as error:  # a label that is not understood: without it, the whole tenant could read the document
        return FailedFile(source=source, reason=f"{error.message}; {error.hint}")
    if len(labels) > 1:
        return FailedFile(source=source, reason=f"its pages differ in their `{AUDIENCE}`; give all of them the same")
    rest = {key: value for key, value in first.metadata.items() if key not in ("page", AUDIENCE)}
    return LoadedDocument(
        document_id=first.id or (source if named[source] == 1 else f"{source}#{named[source]}"),
        title=str(first.metadata.get("title") or source),
        source=source,
        text=well_formed(text),
        page_starts=tuple(starts) if paged else (),
        parser="langchain",
        parser_version="1",
        metadata={key: value for key, value in rest.items() if isinstance(value, str | int | float | bool)},
        audience=labels.pop(),
    )
