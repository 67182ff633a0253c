"""Turns the inputs of an ingest (paths, LangChain documents, a loader) into documents that are split into passages.

Only this module knows which loader serves which type of input.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retrieval.documents import (
    LONGEST_ID,
    LONGEST_SOURCE,
    FailedFile,
    LoadedDocument,
    evidence_id,
    is_langchain,
    vector_id,
)
from retrieval.remote.addresses import is_address
from retrieval.roots import SourceRoots
from retrieval.roots.memory import Asked, Begun, Memory, Unchanged
from retrieval.roots.stamps import Content, Noted
from retrieval.subjects import subject_of
from state.access import AUDIENCE, Labels, stored_labels
from state.errors import BadInput
from state.values import Kind

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from settings import Settings

Opened = Callable[[Path], None]
"""Is called with a file before it is read, in the thread that reads it."""


class ReadPaths(Protocol):
    """Reads files and folders as `loaders.load_changed` does, perhaps elsewhere; then the documents may be prepared."""

    def __call__(
        self,
        paths: Iterable[Path],
        settings: Settings,
        audience: Labels | None = None,
        roots: SourceRoots | None = None,
        opened: Opened | None = None,
        memory: Memory | None = None,
    ) -> Iterator[LoadedDocument | PreparedDocument | FailedFile | Asked | Unchanged | Begun | Noted]:
        """Yield the documents in the order of their names."""
        ...


class IngestEngine(Protocol):
    """Reads files and encodes passages for an ingestion; who stores them is not its business."""

    def reader(self, tenant: str, corpus: str) -> ReadPaths:
        """Return what reads files for a corpus."""
        ...

    def encoder(self, own: Embeddings) -> Embeddings:
        """Return what encodes passages as `own` does, to the last bit."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedPassage:
    """A passage of a prepared document; offsets count code points of its text."""

    evidence_id: str
    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    heading_path: tuple[str, ...] = ()
    kind: Kind = "prose"


@dataclass(frozen=True)
class PreparedDocument:
    """One document version, ready to be embedded.

    `audience` is its access label, `None` as long as it is not decided. Of a document that was read from a corpus, the
    label is in `metadata`, as it is stored. Only a copy sets `ingested_at`: it keeps the original time.
    `splitting` is what `splitting_of` gives the passages, `None` for a document of an earlier release. `earlier_ids`
    are those that such a release gave it.
    """

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
    audience: Labels | None = None
    splitting: str | None = None
    earlier_ids: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The ids under which an older version of this document may be stored, its own first."""
        return tuple(dict.fromkeys((self.document_id, *self.earlier_ids)))

    @property
    def labels(self) -> Labels:
        """The access label; empty: the whole tenant may read."""
        return stored_labels(self.metadata) if self.audience is None else self.audience

    def stored_metadata(self) -> dict[str, Any]:
        """Return the metadata with the access label, as they are stored with each passage."""
        if self.audience is None:
            return dict(self.metadata)
        rest = {key: value for key, value in self.metadata.items() if key != AUDIENCE}
        return {**rest, AUDIENCE: list(self.audience)} if self.audience else rest

    def metadata_text(self) -> str:
        """Return the stored metadata as JSON.

        Raises:
            BadInput: they hold what JSON does not know. One such document would make every filter of a corpus fail.
        """
        try:
            json.dumps(self.stored_metadata(), default=str, allow_nan=False, ensure_ascii=False).encode()
        except ValueError as error:  # a lone surrogate cannot be encoded
            raise BadInput(
                f"the metadata of {self.document_id[:80]!r} contains NaN, infinity or a lone surrogate",
                hint="correct it",
            ) from error
        return json.dumps(self.stored_metadata(), default=str)

    def is_described_by(self, stored: str | None) -> bool:
        """Return whether the JSON `stored` equals this metadata; a document without passages stores none."""
        return stored is None or _comparable(stored) == _comparable(self.metadata_text())

    def labelled(self, labels: Labels, tenant: str, corpus: str) -> PreparedDocument:
        """Return this document with an access label, which becomes part of its evidence ids."""
        if not labels:
            return replace(self, audience=())
        named = (tenant, corpus, self.document_id, self.text_hash)
        passages = tuple(
            replace(each, evidence_id=evidence_id(*named, each.start, each.end, labels)) for each in self.passages
        )
        return replace(self, audience=labels, passages=passages)

    def embedded_text(self, item: PreparedPassage) -> str:
        """Return the text that is embedded and indexed for a passage: title or opening words, headings and passage."""
        subject = subject_of(self.title, self.text, first=item.start == self.passages[0].start)
        return "\n".join(filter(None, (subject, " ".join(item.heading_path), self.text[item.start : item.end])))

    def vector_id(self, item: PreparedPassage) -> str:
        """Return the id under which the vector of a passage is kept."""
        return vector_id(item.evidence_id, self.embedded_text(item))


def splitting_of(passages: Iterable[PreparedPassage]) -> str:
    """Return a fingerprint of how a text is divided, which changes with splitter, settings, headings and kinds."""
    places = [(each.start, each.end, each.page, each.page_end, each.heading_path, each.kind) for each in passages]
    return hashlib.sha256(json.dumps(places).encode()).hexdigest()[:16]


def identity_of(text_hash: str, parser: str, parser_version: str, splitting: str) -> str:
    """Return the digest of what `LiveVersion.is_same_as` compares beside the metadata."""
    return hashlib.sha256(json.dumps([text_hash, parser, parser_version, splitting]).encode()).hexdigest()[:32]


def metadata_digest(stored: str) -> str:
    """Return the digest of stored metadata without the access label."""
    metadata = {key: value for key, value in json.loads(stored).items() if key != AUDIENCE}
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:32]


def _comparable(stored: str) -> dict[str, Any]:
    """Return stored metadata with the label as earlier versions did not write it: as a list, sorted."""
    metadata: dict[str, Any] = json.loads(stored)
    return {**metadata, AUDIENCE: list(stored_labels(metadata))}


def prepare(
    inputs: Any,
    settings: Settings,
    tenant: str,
    corpus: str,
    audience: Labels | None = None,
    roots: SourceRoots | None = None,
    opened: Opened | None = None,
    read_paths: ReadPaths | None = None,
    memory: Memory | None = None,
) -> Iterator[PreparedDocument | FailedFile | Asked | Unchanged | Noted]:
    """Yield a `PreparedDocument` for each document and a `FailedFile` for each that cannot be read.

    A document that occurs twice is yielded once. If the second one has another text or label, it is reported as failed,
    because it would supersede the first within the same ingest. `audience` is the label of documents without their own,
    `roots` are the source roots of the corpus, which name its files. `opened` is called with each file before it is
    read; `read_paths` reads files and folders, by default `load_changed`. With `memory`, the corpus is `Asked` for what
    it remembers, files that have not changed are not read, and of each that was, there is a `Noted` to be remembered.
    """
    seen: dict[str, tuple[str, Labels | None]] = {}
    file: _File | None = None
    for item in _loaded(inputs, settings, audience, roots or SourceRoots(), opened, read_paths, memory):
        if isinstance(item, Begun):
            file = _File()
            continue
        if isinstance(item, Noted):
            yield from file.noted(item) if file is not None else ()
            file = None
            continue
        if isinstance(item, Unchanged):
            yield from _left(item, seen)
            continue
        if isinstance(item, FailedFile | Asked):
            yield item
            continue
        if len(item.document_id) > LONGEST_ID or len(item.source.encode("utf-8", "replace")) > LONGEST_SOURCE:
            yield FailedFile(
                source=f"{item.source[:100]}…",
                reason=f"its id has more than {LONGEST_ID:,} characters, or its source more than {LONGEST_SOURCE:,} "
                "bytes; shorten its name or key",
            )
            continue
        labels = audience if item.audience is None else item.audience
        if item.document_id not in seen:
            seen[item.document_id] = (item.text_hash, labels)
            prepared = item if isinstance(item, PreparedDocument) else cut(item, labels, settings, tenant, corpus)
            if file is not None:
                file.add(prepared, labels)
            yield prepared
            del prepared
        else:
            if file is not None:
                file.whole = False
            yield from _doubled(item.document_id, item.source, (item.text_hash, labels), seen)
        del item  # so that a large document is not held while the next one is parsed


_MOST_NOTED = 100
"""Documents of the largest file that is remembered. A chosen value: the notes of hundreds of files are held at once,
and one on a million records would take a gigabyte."""


class _File:
    """What the file that is being read has given so far; not `whole` if that is not all it holds, or too much."""

    def __init__(self) -> None:
        self.whole = True
        self._documents: list[Content] = []

    def add(self, document: PreparedDocument, labels: Labels | None) -> None:
        if not self.whole:
            return
        if len(self._documents) == _MOST_NOTED:
            self.whole = False
            self._documents.clear()
            return
        try:
            described = metadata_digest(document.metadata_text())
        except BadInput:  # which is reported when it is stored
            self.whole = False
            return
        identity = identity_of(document.text_hash, document.parser, document.parser_version, document.splitting or "")
        self._documents.append(Content(document.document_id, document.text_hash, identity, described, labels))

    def noted(self, note: Noted) -> Iterator[Noted]:
        """Yield the note with the documents, unless some are missing."""
        if self.whole:
            yield note._replace(documents=tuple(self._documents))


def _left(item: Unchanged, seen: dict[str, tuple[str, Labels | None]]) -> Iterator[Unchanged | FailedFile]:
    """Yield those documents of files that were not read which have not occurred yet."""
    fresh, doubled = list[Content](), list[Content]()
    for each in item.documents:
        (doubled if each.document_id in seen else fresh).append(each)
        seen.setdefault(each.document_id, (each.text_hash, each.labels))
    yield Unchanged(tuple(fresh), item.notes)
    for each in doubled:
        yield from _doubled(each.document_id, each.document_id, (each.text_hash, each.labels), seen)


def _doubled(
    document_id: str, source: str, now: tuple[str, Labels | None], seen: Mapping[str, tuple[str, Labels | None]]
) -> Iterator[FailedFile]:
    """Yield a failure if a document that has occurred has another text or label now."""
    if seen[document_id] != now:
        differing = "texts" if seen[document_id][0] != now[0] else f"`{AUDIENCE}` values"
        reason = f"the id {document_id!r} occurs twice with different {differing}; give each document its own id"
        yield FailedFile(source=source, reason=reason)


def _loaded(
    inputs: Any,
    settings: Settings,
    audience: Labels | None,
    roots: SourceRoots,
    opened: Opened | None,
    read_paths: ReadPaths | None,
    memory: Memory | None,
) -> Iterator[Any]:
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    if not isinstance(inputs, Iterable):
        from retrieval.loaders import load_loader

        yield from load_loader(inputs)
        return
    for kind, group in groupby(inputs, _kind):
        yield from _load_group(kind, group, settings, audience, roots, opened, read_paths, memory)


def _kind(item: Any) -> str:
    if isinstance(item, str) and is_address(item):
        return "address"
    if isinstance(item, str | Path):
        return "path"
    return "langchain" if is_langchain(item) else "loaded"


def _load_group(
    kind: str,
    group: Iterator[Any],
    settings: Settings,
    audience: Labels | None,
    roots: SourceRoots,
    opened: Opened | None,
    read_paths: ReadPaths | None,
    memory: Memory | None,
) -> Iterator[Any]:
    if kind == "loaded":
        yield from group
    elif kind == "path":
        from retrieval.loaders import load_changed

        paths = (Path(item) for item in group)
        yield from (read_paths or load_changed)(paths, settings, audience, roots, opened, memory)
    elif kind == "address":
        from retrieval.remote.reading import load_addresses

        yield from load_addresses(group, settings, audience)
    else:
        from retrieval.loaders import load_langchain

        yield from load_langchain(group)


def cut(
    document: LoadedDocument, audience: Labels | None, settings: Settings, tenant: str, corpus: str
) -> PreparedDocument:
    """Return a document with its passages. `audience` is its access label, `None` if it is not decided."""
    from retrieval.splitting import split_document

    spans = split_document(document, chunk_chars=settings.data.chunk_chars, overlap=settings.data.chunk_overlap)
    identity = (tenant, corpus, document.document_id, document.text_hash)
    passages = tuple(
        PreparedPassage(
            evidence_id(*identity, span.start, span.end),
            span.start,
            span.end,
            span.page,
            span.page_end,
            span.heading_path,
            span.kind,
        )
        for span in spans
    )
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
        audience=audience,
        passages=passages,
        splitting=splitting_of(passages),
        earlier_ids=document.earlier_ids,
    )
