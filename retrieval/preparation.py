"""Turns the inputs of an ingest (paths, LangChain documents, a loader) into documents that are split into passages.

Only this module knows which loader serves which type of input.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from retrieval.documents import FailedFile, LoadedDocument, evidence_id
from settings import Settings


@dataclass(frozen=True)
class PreparedPassage:
    """A passage of a prepared document; offsets count code points of its text."""

    evidence_id: str
    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreparedDocument:
    """One document version, ready to be embedded. Only a copy sets `ingested_at`: it keeps the original time."""

    document_id: str
    source: str
    title: str
    text: str
    text_hash: str
    passages: tuple[PreparedPassage, ...]
    parser: str = "text"
    parser_version: str = "1"
    pages: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    ingested_at: str = ""

    def metadata_text(self) -> str:
        """Return the metadata as JSON, as it is stored with each passage."""
        return json.dumps(dict(self.metadata), default=str)

    def is_described_by(self, stored: str | None) -> bool:
        """Return whether the JSON `stored` equals this metadata; a document without passages stores none."""
        return stored is None or json.loads(stored) == json.loads(self.metadata_text())

    def embedded_texts(self) -> list[str]:
        """Return the text that is embedded and indexed for each passage: title, headings and passage."""
        return [
            "\n".join(filter(None, (self.title, " ".join(item.heading_path), self.text[item.start : item.end])))
            for item in self.passages
        ]


def prepare(inputs: Any, settings: Settings, tenant: str, corpus: str) -> Iterator[PreparedDocument | FailedFile]:
    """Yield a `PreparedDocument` for each document and a `FailedFile` for each that cannot be read.

    A document that occurs twice is yielded once. If the second one has another text, it is reported as failed, because
    it would supersede the first within the same ingest.
    """
    seen: dict[str, str] = {}
    for item in _loaded(inputs, settings):
        if not isinstance(item, LoadedDocument):
            yield item
        elif item.document_id not in seen:
            seen[item.document_id] = item.text_hash
            yield _cut(item, settings, tenant, corpus)
        elif seen[item.document_id] != item.text_hash:
            reason = f"the id {item.document_id!r} occurs twice with different texts; give each document its own id"
            yield FailedFile(source=item.source, reason=reason)


def _loaded(inputs: Any, settings: Settings) -> Iterator[Any]:
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    if not isinstance(inputs, Iterable):
        from retrieval.loaders import load_loader

        yield from load_loader(inputs)
        return
    for kind, group in groupby(inputs, _kind):
        yield from _load_group(kind, group, settings)


def _kind(item: Any) -> str:
    if isinstance(item, str | Path):
        return "path"
    return "langchain" if isinstance(item, Document) else "loaded"


def _load_group(kind: str, group: Iterator[Any], settings: Settings) -> Iterator[Any]:
    if kind == "loaded":
        yield from group
    elif kind == "path":
        from retrieval.loaders import load_paths

        yield from load_paths((Path(item) for item in group), settings)
    else:
        from retrieval.loaders import load_langchain

        yield from load_langchain(group)


def _cut(document: LoadedDocument, settings: Settings, tenant: str, corpus: str) -> PreparedDocument:
    from retrieval.splitting import split_document

    spans = split_document(document, chunk_chars=settings.data.chunk_chars, overlap=settings.data.chunk_overlap)
    identity = (tenant, corpus, document.document_id, document.text_hash)
    return PreparedDocument(
        document_id=document.document_id,
        source=document.source,
        title=document.title,
        text=document.text,
        text_hash=document.text_hash,
        parser=document.parser,
        parser_version=document.parser_version,
        pages=len(document.page_starts) or None,
        metadata=document.metadata,
        passages=tuple(
            PreparedPassage(
                evidence_id(*identity, span.start, span.end),
                span.start,
                span.end,
                span.page,
                span.page_end,
                span.heading_path,
            )
            for span in spans
        ),
    )
