"""The results of ingesting, copying and listing a corpus."""

from __future__ import annotations

from retrieval.documents import FailedFile
from state.access import Labels
from state.values import Value


class IngestReport(Value):
    """Numbers of documents by outcome; `failed` lists the unreadable files, `superseded` counts replaced passages.

    `removed` counts the documents that were taken out of search because their files are gone.

    `relabelled` lists the ids of the documents whose access label is another one now; they count as `updated` too.
    `resumed` counts the passages whose vectors an interrupted ingestion had kept; they were not encoded again.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: tuple[FailedFile, ...] = ()
    passages: int = 0
    superseded: int = 0
    relabelled: tuple[str, ...] = ()
    removed: int = 0
    resumed: int = 0
    generation: int = 0


class IngestProgress(Value):
    """How far an ingestion is.

    `files` and `bytes` count what has been read of `all_files` and `all_bytes`, which are 0 if they are not known: for
    documents that are no files. `passages` counts what has been encoded or was kept. `source` is the document that is
    being encoded, `done` of its `total` passages are; it is empty between documents. `failure` is the file that has
    just failed.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    passages: int = 0
    files: int = 0
    all_files: int = 0
    bytes: int = 0
    all_bytes: int = 0
    source: str = ""
    done: int = 0
    total: int = 0
    failure: FailedFile | None = None

    @property
    def documents(self) -> int:
        """How many documents and files are done, whatever became of them."""
        return self.added + self.updated + self.unchanged + self.failed


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
