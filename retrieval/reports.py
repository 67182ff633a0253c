"""What ingestion and the manifest report."""

from __future__ import annotations

from retrieval.documents import FailedFile
from state.values import Value


class IngestReport(Value):
    """Documents by outcome; `failed` holds what could not be read, `superseded` counts old passages."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: tuple[FailedFile, ...] = ()
    passages: int = 0
    superseded: int = 0
    generation: int = 0


class CopyReport(Value):
    """A copy by document versions, superseded ones too; `unchanged` ones were there already.

    `digest` is the SHA-256 of everything that both sides hold, empty until they were compared.
    """

    copied: int = 0
    unchanged: int = 0
    passages: int = 0
    embedding_model: str = ""
    digest: str = ""


class ManifestEntry(Value):
    """One document version. `chars` are code points; `ingested_at` is ISO 8601 in UTC."""

    document_id: str
    source: str
    title: str
    parser: str
    parser_version: str
    text_hash: str
    pages: int | None
    chars: int
    passages: int
    ingested_at: str
    superseded: bool


class Manifest(Value):
    """What a corpus holds; `documents` and `passages` count live ones, `version` is the generation."""

    name: str
    tenant: str
    version: int
    documents: int
    passages: int
    embedding_model: str
    entries: tuple[ManifestEntry, ...]
