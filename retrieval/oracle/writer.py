"""`OracleWriter`: writes a corpus in Oracle Database; every transaction begins by locking the row of the corpus."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice, repeat
from typing import Any

from retrieval.backend import Batch, May, OldVersion, Replaces, Vectors, check_destroyable, narrowed
from retrieval.documents import LONGEST_ID, LONGEST_SOURCE, random_evidence_id, vector_id
from retrieval.oracle import sql as sql
from retrieval.oracle.files import CLEAR_FILES, FORGET, FORGET_GONE, REMEMBER, as_rows
from retrieval.oracle.lease import Transaction, WriterLease
from retrieval.oracle.session import Session
from retrieval.oracle.sql import HeldVersion, as_held, as_vector
from retrieval.preparation import PreparedDocument, splitting_of
from retrieval.roots import LONGEST_FOLDER, Root
from retrieval.roots.stamps import Noted
from state.access import AUDIENCE, Labels
from state.errors import BadInput, CorpusBusy

# The column sizes of `retrieval.oracle.schema`, checked here so that an error names the document.
_LONGEST = {"document_id": (LONGEST_ID, "characters"), "source": (LONGEST_SOURCE, "bytes"), "title": (4000, "bytes")}

_Checked = tuple[PreparedDocument, list[Any] | None]
"""A document with its vectors as binds; `None`: they were kept."""

_ROWS = 500
"""Passages per statement. A chosen value: it bounds the memory of a large document's rows, at one round trip each."""


class OracleWriter:
    """Writes while it holds the lease of one corpus. Each method is one transaction on a connection of its own.

    If the lease was lost, the next write raises `CorpusBusy`. Committed batches stay, and running the ingestion again
    continues.
    """

    _current: Transaction
    """The transaction in progress."""

    def __init__(self, lease: WriterLease) -> None:
        self._lease = lease

    @property
    def _session(self) -> Session:
        return self._current.session

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[int]:
        """Lock the corpus for a block; yield the dimensions of the tables."""
        async with self._lease.transaction() as self._current:
            yield self._current.dimensions

    async def kept(self, document: PreparedDocument, embedding_model: str) -> set[str]:
        """Return the ids of the vectors from an interrupted ingestion; remove all others of the document."""
        async with self._transaction():
            rows = await self._session.rows(sql.KEPT, {"document_id": document.document_id})
            found = {(str(row[0]), str(row[1])) for row in rows}
            wanted = {(document.vector_id(item), embedding_model) for item in document.passages}
            gone = [{"evidence_id": name, "embedding_model": model} for name, model in sorted(found - wanted)]
            await self._session.execute_many(sql.DROP_ONE, gone, [row["evidence_id"] for row in gone])
        return {name for name, _ in found & wanted}

    async def keep(self, document_id: str, vectors: Mapping[str, Sequence[float]], embedding_model: str) -> None:
        """Keep vectors of a document, by their ids, in one transaction.

        Raises:
            EmbeddingMismatch: a vector has another length than the tables require; nothing was written.
        """
        common = {"document_id": document_id, "embedding_model": embedding_model}
        async with self._transaction() as dimensions:
            rows = [
                {**common, "evidence_id": name, "embedding": as_vector(vector, dimensions)}
                for name, vector in vectors.items()
            ]
            await self._session.execute_many(sql.KEEP, rows, list(vectors), types=_vector_types())

    async def put(self, batch: Batch, embedding_model: str, replaces: Replaces) -> tuple[int, int]:
        """Store documents in one transaction; return (documents that replaced a version, passages superseded).

        Raises:
            BadInput: a document does not fit the columns, or a vector is not finite; nothing was written.
            EmbeddingMismatch: a vector has another length than the tables require; nothing was written.
            SixplaneError: the database refused rows; the message lists them; nothing was written.
        """
        updated = superseded = 0
        async with self._transaction() as dimensions:
            checked = [(document, _checked(document, vectors, dimensions)) for document, vectors in batch]
            for wave in _waves(checked):
                replaced, count = await self._put_wave(wave, embedding_model, replaces)
                updated, superseded = updated + replaced, superseded + count
            self._advance(embedding_model, shrank=updated > 0)
        return updated, superseded

    async def record(self, roots: Sequence[Root]) -> None:
        """Store source roots; those of folders that are known stay as they are.

        Raises:
            BadInput: a folder does not fit the column.
        """
        for root in roots:
            if len(root.folder) > LONGEST_FOLDER:
                raise BadInput(f"a folder has a path of over {LONGEST_FOLDER} characters", hint="move it higher up")
        async with self._transaction():
            known = {row[1] for row in await self._session.rows(sql.ROOTS)}
            rows = [{"name": root.name, "folder": root.folder} for root in roots if root.folder not in known]
            await self._session.execute_many(sql.INSERT_ROOT, rows, [row["name"] for row in rows])

    async def remember(self, files: Sequence[Noted]) -> None:
        """Store what files gave, in the place of what is known of them."""
        rows = as_rows(files)
        names = [row["name"] for row in rows]
        async with self._transaction():
            await self._session.execute_many(FORGET, [{"name": each} for each in names], names)
            await self._session.execute_many(REMEMBER, rows, names, types=_documents_types())

    async def build(self) -> None:
        """Do nothing: the database updates its indexes with every commit."""

    async def prune(self, may: May) -> int:
        """Delete those superseded versions that `may` allows; return how many passages were deleted."""
        async with self._transaction():
            old = [as_held(row) for row in await self._session.rows(sql.OLD_VERSIONS)]
            chosen = [each for each in old if may(each.document_id, each.labels)]
            await self._each(sql.DELETE_VERSION, chosen)
            await self._session.execute(sql.DROP_ALL)
            await self._session.execute(FORGET_GONE)
            self._advance(None, shrank=True)
        return sum(each.passages for each in chosen)

    async def delete(self, document_ids: Sequence[str], may: May) -> None:
        """Take those of the documents that `may` allows out of search without replacing them."""
        async with self._transaction():
            stored = await self._versions(document_ids)
            live = [each for each in stored if not each.superseded and may(each.document_id, each.labels)]
            await self._each(sql.SUPERSEDE, live)
            await self._drop_pending(document_ids)
            self._advance(None, shrank=True)

    async def destroy(self, may: May) -> None:
        """Delete the corpus with all it holds. Raises the errors of `CorpusBackend.destroy`."""
        async with self._transaction():
            held = [as_held(row) for row in await self._session.rows(sql.ALL_VERSIONS)]
            check_destroyable(((each.document_id, each.labels) for each in held), may)
            cleared = (sql.CLEAR_DOCUMENTS, sql.CLEAR_PENDING, sql.CLEAR_ROOTS, CLEAR_FILES, sql.CLEAR_CORPUS)
            for statement in cleared:
                await self._session.execute(statement)

    async def _put_wave(self, wave: list[_Checked], embedding_model: str, replaces: Replaces) -> tuple[int, int]:
        given = {document.document_id: document for document, _ in wave}
        named = {name: document for document, _ in wave for name in document.names}
        ids = list(given)
        stored = await self._versions(list(named))
        replaced = [each for each in stored if not each.superseded and replaces(named[each.document_id], each.labels)]
        await self._each(sql.SUPERSEDE, replaced)
        await self._make_room(given, await self._narrow(given, stored, replaced, replaces))
        await self._session.execute_many(sql.INSERT_DOCUMENT, [_document_row(each) for each, _ in wave], ids)
        known = {each.version for each in stored}
        versions = {each.document_id: each.version for each in await self._versions(ids) if each.version not in known}
        rows = (
            row
            for document, vectors in wave
            for row in _passage_rows(document, vectors, versions[document.document_id])
        )
        while part := list(islice(rows, _ROWS)):
            await self._add_kept(part, embedding_model)
            await self._session.execute_many(
                sql.INSERT_PASSAGE, part, [row["evidence_id"] for row in part], types=_passage_types()
            )
        await self._drop_pending(ids)
        return len({named[each.document_id].document_id for each in replaced}), sum(each.passages for each in replaced)

    async def _add_kept(self, rows: Sequence[dict[str, Any]], embedding_model: str) -> None:
        """Fill in the vectors that were kept."""
        # Read and bound like all others. `INSERT … SELECT` would spare the way through this process, but the text
        # beside them may have more than 4,000 bytes, and a bind of that length is refused there (ORA-01461).
        missing = {vector_id(row["evidence_id"], row["search_text"]): row for row in rows if row["embedding"] is None}
        if not missing:
            return
        found = dict(await self._session.listed(sql.KEPT_VECTORS, missing, {"embedding_model": embedding_model}))
        if len(found) < len(missing):  # pruned, after the lease was lost and before it was claimed again
            raise CorpusBusy("another process has written to the corpus meanwhile", hint="ingest again")
        for name, row in missing.items():
            row["embedding"] = found[name]

    async def _drop_pending(self, document_ids: Sequence[str]) -> None:
        rows = [{"document_id": each} for each in document_ids]
        await self._session.execute_many(sql.DROP_DOCUMENT, rows, document_ids)

    async def _narrow(
        self,
        given: Mapping[str, PreparedDocument],
        stored: Sequence[HeldVersion],
        replaced: Sequence[HeldVersion],
        replaces: Replaces,
    ) -> list[HeldVersion]:
        """Give old versions labels that are no wider than those of the new ones; return what is left of `stored`."""
        found: dict[int, Labels] = {}
        gone: list[int] = []
        for document in given.values():
            mine = [
                each for each in stored if each.document_id in document.names and (each.superseded or each in replaced)
            ]
            old = [OldVersion(each.version, each.text_hash, each.labels) for each in mine]
            labels, doubled = narrowed(document.labels, old, partial(replaces, document))
            found, gone = {**found, **labels}, [*gone, *doubled]
        changed = [each._replace(metadata=_relabelled(each, found.get(each.version))) for each in stored]
        rows: list[dict[str, Any]] = [
            {"version_no": each.version, "metadata": json.loads(each.metadata or "{}")}
            for each in changed
            if each.version in found
        ]
        await self._session.execute_many(
            sql.RELABEL, rows, [each.document_id for each in changed if each.version in found], types=_metadata_types()
        )
        await self._each(sql.DELETE_VERSION, [each for each in stored if each.version in gone])
        return [each for each in changed if each.version not in gone]

    async def _make_room(self, given: Mapping[str, PreparedDocument], stored: Sequence[HeldVersion]) -> None:
        """Free the evidence ids of new versions, which must be unique."""
        found = [each for each in stored if each.document_id in given]
        same = [each for each in found if each.text_hash == given[each.document_id].text_hash]
        mine = [each for each in same if each.labels == given[each.document_id].labels]
        divided = [splitting_of(given[each.document_id].passages) == await self._splitting(each) for each in mine]
        # A document may return to an earlier text: that version is deleted, the new one takes its place and its ids.
        await self._each(sql.DELETE_VERSION, [each for each, alike in zip(mine, divided, strict=True) if alike])
        # If the text is split anew, passages that are the same move to the new version. Others stay: reports may cite
        # them.
        split = [each for each, alike in zip(mine, divided, strict=True) if not alike]
        taken: list[dict[str, Any]] = [
            {"version_no": each.version, "evidence_id": item.evidence_id}
            for each in split
            for item in given[each.document_id].passages
        ]
        await self._session.execute_many(sql.DELETE_PASSAGE, taken, [row["evidence_id"] for row in taken])
        await self._each(sql.DELETE_EMPTY, split)
        # Earlier releases left the label out of the ids. Such a document keeps its rows under other ids. What cites the
        # old ids finds the new version, which has the same name and text.
        renamed: list[dict[str, Any]] = [
            {"version_no": each.version, "evidence_id": item.evidence_id, "fresh": random_evidence_id()}
            for each in same
            if each not in mine
            for item in given[each.document_id].passages
        ]
        await self._session.execute_many(sql.RENAME, renamed, [row["evidence_id"] for row in renamed])

    async def _splitting(self, version: HeldVersion) -> str:
        """Return how a version is split. For those of earlier releases, it is not stored."""
        if version.splitting:
            return version.splitting
        rows = await self._session.rows(sql.VERSION_PASSAGES, {"version_no": version.version})
        return splitting_of(sql.as_places(rows))

    async def _versions(self, document_ids: Sequence[str]) -> list[HeldVersion]:
        """Return all versions of the documents, live and superseded."""
        rows = await self._session.listed(sql.VERSIONS, document_ids)
        return [as_held(row) for row in rows]

    async def _each(self, statement: str, versions: Sequence[HeldVersion]) -> None:
        rows = [{"version_no": each.version} for each in versions]
        await self._session.execute_many(statement, rows, [each.document_id for each in versions])

    def _advance(self, embedding_model: str | None, *, shrank: bool) -> None:
        """Let the last statement of the transaction raise the generation too."""
        self._current.last = sql.ADVANCE
        self._current.binds = {"shrank": int(shrank), "embedding_model": embedding_model}


def _documents_types() -> dict[str, Any]:
    import oracledb

    return {"documents": oracledb.DB_TYPE_JSON}


def _metadata_types() -> dict[str, Any]:
    import oracledb

    return {"metadata": oracledb.DB_TYPE_JSON}


def _relabelled(version: HeldVersion, labels: Labels | None) -> str | None:
    """Return the stored metadata of a version with another access label, if one is given."""
    if labels is None:
        return version.metadata
    return json.dumps({**json.loads(version.metadata or "{}"), AUDIENCE: list(labels)})


def _passage_types() -> dict[str, Any]:
    import oracledb

    json_type = oracledb.DB_TYPE_JSON
    return {"heading_path": json_type, "metadata": json_type, "embedding": oracledb.DB_TYPE_VECTOR}


def _vector_types() -> dict[str, Any]:
    import oracledb

    return {"embedding": oracledb.DB_TYPE_VECTOR}


def _waves(checked: list[_Checked]) -> list[list[_Checked]]:
    """Divide a batch so that no part contains a document twice."""
    # Each part is written with array binds: a later version of a document must find the earlier one already stored, to
    # supersede it.
    waves: list[list[_Checked]] = []
    seen: set[str] = set()
    for document, vectors in checked:
        if not waves or document.document_id in seen:
            waves.append([])
            seen = set()
        seen.add(document.document_id)
        waves[-1].append((document, vectors))
    return waves


def _checked(document: PreparedDocument, vectors: Vectors | None, dimensions: int) -> list[Any] | None:
    """Return the vectors of a document as binds; those that were kept are checked already.

    Raises `BadInput` or `EmbeddingMismatch`.
    """
    for field, (limit, unit) in _LONGEST.items():
        value = getattr(document, field)
        if len(value if unit == "characters" else value.encode()) > limit:
            raise BadInput(f"{field} of {document.document_id[:80]!r} is longer than {limit} {unit}", hint="shorten it")
    if vectors is None:
        return None
    if len(vectors) != len(document.passages):
        raise BadInput(
            f"{document.document_id[:80]!r} has {len(document.passages)} passages but {len(vectors)} vectors"
        )
    return [as_vector(vector, dimensions) for vector in vectors]


def _document_row(document: PreparedDocument) -> dict[str, Any]:
    return {
        "document_id": document.document_id,
        "text_hash": document.text_hash,
        "source": document.source,
        "title": document.title,
        "parser": document.parser,
        "parser_version": document.parser_version,
        "pages": document.pages,
        "text": document.text,
        "chars": len(document.text),
        "ingested_at": document.ingested_at or datetime.now(UTC).isoformat(),
        "splitting": document.splitting,
    }


def _passage_rows(document: PreparedDocument, vectors: list[Any] | None, version: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each passage, without its vector if that was kept."""
    metadata = _plain_json(document)
    given = repeat(None, len(document.passages)) if vectors is None else vectors
    for ordinal, (item, vector) in enumerate(zip(document.passages, given, strict=True)):
        yield {
            "evidence_id": item.evidence_id,
            "version_no": version,
            "ordinal": ordinal,
            "start_at": item.start,
            "end_at": item.end,
            "page": item.page,
            "page_end": item.page_end,
            "heading_path": list(item.heading_path),
            "kind": item.kind,
            "text": document.text[item.start : item.end],
            "search_text": document.embedded_text(item),
            "metadata": metadata,
            "embedding": vector,
        }


def _plain_json(document: PreparedDocument) -> Any:
    """Return the metadata as JSON values, and all others as text, as the embedded backend stores them."""
    return json.loads(document.metadata_text())
