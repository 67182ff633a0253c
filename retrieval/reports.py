"""The results of ingesting, copying and listing a corpus."""

from __future__ import annotations

from retrieval.documents import FailedFile
from state.access import Labels
from state.values import Value


class IngestReport(Value):
    """Numbers of documents by outcome; `failed` lists the unreadable files, `superseded` counts replaced passages.

    `relabelled` lists the ids of the documents whose access label is another one now; they count as `updated` too.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: tuple[FailedFile, ...] = ()
    passages: int = 0
    superseded: int = 0
    relabelled: tuple[str, ...] = ()
    generation: int = 0


class CopyReport(Value):
    """Numbers of document versions, superseded ones included; `unchanged` counts those that the target already had.

    `digest` is the SHA-256 over the contents of both sides; it is empty until they were compared.
    """

    copied: int = 0
    unchanged: int = 0
    passages: int = 0
    embedding_model: str = ""
    digest: str = ""


class ManifestEntry(Value):
    """One document version. `chars` counts code points; `ingested_at` is ISO 8601 in UTC.

    `fingerprint` changes with the text. It is keyed per corpus, so that nobody can find a text by trying. `audience` is
    the access label; empty: the whole tenant may read.
    """

    document_id: str
    source: str
    title: str
    parser: str
    parser_version: str
    fingerprint: str
    pages: int | None
    chars: int
    passages: int
    ingested_at: str
    superseded: bool
    audience: Labels = ()


class Manifest(Value):
    """What the caller may read of a corpus; `documents` and `passages` count live ones.

    `version` is the generation: it counts all writes, so it also grows when others write what the caller may not read.
    """

    name: str
    tenant: str
    version: int
    documents: int
    passages: int
    embedding_model: str
    entries: tuple[ManifestEntry, ...]
