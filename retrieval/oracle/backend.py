"""`OracleBackend`: the port over the tables of `retrieval.oracle.schema`, on the connection pool of the process.

A filtered vector search is exact. An unfiltered one asks the vector index, which covers the whole table and so the
other corpora too; if it finds too few rows of this corpus, the exact search follows. Neither returns fewer rows than
match.

The legs and their fusion are the same when the database makes the embeddings, and when `oracle.hybrid_search` asks a
hybrid vector index for the candidates of both. docs/oracle.md explains why `OracleHybridSearchRetriever` does not
replace them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from retrieval.backend import LiveVersion, May, Revision, Search, StoredVersion, labels_in_text
from retrieval.documents import LONGEST_ID
from retrieval.oracle import sql as sql
from retrieval.oracle.files import REMEMBERED, as_file
from retrieval.oracle.filters import compile_where
from retrieval.oracle.lease import WriterLease
from retrieval.oracle.session import Session, translated_oracle
from retrieval.oracle.sql import as_passage, as_revision, as_vector, contains_query, depth_of
from retrieval.oracle.writer import OracleWriter
from retrieval.preparation import splitting_of
from retrieval.ranking.retrieving import Legs
from retrieval.roots import Root
from retrieval.roots.stamps import Noted
from settings.connections.oracle_errors import codes_of
from settings.oracle import OracleSettings
from state.access import Held, Labels, may_read
from state.errors import CorpusMissing, SixplaneError
from state.values import Passage

if TYPE_CHECKING:
    import oracledb

T = TypeVar("T")

_OVERFETCH = 4
"""The vector index is asked for this many times the wanted rows, since other corpora share the table. A chosen value,
not measured on a database: too low costs a second, exact search; too high makes every search read more rows."""

_EXISTS = "ORA-00001"  # a unique constraint was violated


class OracleBackend:
    """One corpus of one tenant. Safe to share between tasks on the event loop that the pool belongs to.

    Args:
        pool: the connection pool from `open_oracle_pool`.
        oracle: table prefix, kind of vector index and target accuracy.
        tenant: the tenant that owns the corpus; bound in every statement.
        name: the name of the corpus.
    """

    def __init__(self, pool: oracledb.AsyncConnectionPool, oracle: OracleSettings, tenant: str, name: str) -> None:
        self._pool, self._sql = pool, sql.Sql(oracle)
        self._approximate, self._in_one_call = oracle.vector_index != "none", oracle.hybrid_search
        self.tenant, self.name = tenant, name
        self._loop = _running_loop()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of the pool, whose connections belong to it: a call from another loop would hang.

        It is the loop in which the backend was made, or else the running one; without either, `RuntimeError`.
        """
        return self._loop or asyncio.get_running_loop()

    async def create(self) -> None:
        """Create the corpus if it does not exist."""
        async with self._session() as session:
            if not await session.rows(sql.REVISION):
                try:
                    await session.execute(sql.CREATE, {"hash_key": secrets.token_hex(32)}, commit=True)
                except SixplaneError as error:
                    if _EXISTS not in codes_of(error):  # another process created it since the SELECT
                        raise

    async def exists(self) -> bool:
        """Return whether the corpus exists."""
        async with self._session() as session:
            return bool(await session.rows(sql.REVISION))

    async def names(self) -> list[str]:
        """Return the names of the tenant's corpora, sorted."""
        async with self._session() as session:
            return sorted(str(row[0]) for row in await session.rows(sql.NAMES))

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[OracleWriter]:
        """Hold the lease of the corpus's writer for a block."""
        lease = WriterLease(self._session, self.name)
        async with lease.held():
            yield OracleWriter(lease)

    async def refresh(self, held: Held = None) -> tuple[Revision, bool]:
        """Return the revision of the last commit and whether `held` may read a live passage."""
        where, binds = compile_where({}, held)
        async with self._session() as session:
            row = self._one(await session.rows(sql.REVISION, binds, where=where))
        return as_revision(row), bool(row[3])

    async def searching(self, work: Search[T]) -> T:
        """Run `work` here: each of its reads waits for the database."""
        return await work(self)

    async def revision(self) -> Revision:
        """Return the revision of the last commit."""
        return (await self.refresh())[0]

    async def live_versions(self, document_ids: Sequence[str]) -> Mapping[str, Sequence[LiveVersion]]:
        """Return the live documents by id."""
        found: dict[str, list[LiveVersion]] = {}
        async with self._session() as session:
            for row in await session.listed(sql.CURRENT, [each for each in document_ids if len(each) <= LONGEST_ID]):
                version = sql.as_live(row, row[1] or await self._splitting(session, int(row[0])))
                found.setdefault(row[6], []).append(version)
        return found

    async def legs(
        self,
        query: str | None,
        vector: Sequence[float] | None,
        depth: int,
        where: Mapping[str, Any] | None = None,
        held: Held = None,
    ) -> Legs:
        """Search by keyword and by vector, on one connection; both in one call if that is set and finds enough."""
        depth, condition = depth_of(depth), compile_where(where or {}, held)
        words = contains_query(query or "")
        async with self._session() as session:
            if self._in_one_call and query and words and vector is not None and session.at_least(23, 6):
                found = await self._together(session, query, words, as_vector(vector), depth, condition)
                if min(len(found.keyword), len(found.dense)) == depth:
                    return found
            keyword = await self._keyword(session, words, depth, condition) if words else {}
            dense = await self._dense(session, vector, depth, condition) if vector is not None else {}
        return Legs(keyword, dense)

    async def live(self, rows: Iterable[int]) -> dict[int, Passage]:
        """Return those of the passages that are live, by row."""
        found = await self._listed(sql.ROWS, list(rows))
        return {int(row[0]): as_passage(row) for row in found}

    async def by_evidence(self, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return passages by evidence id, superseded ones included."""
        found = await self._listed(sql.BY_EVIDENCE, list(evidence_ids))
        return {str(row[1]): as_passage(row) for row in found}

    async def copies(
        self, evidence_ids: Iterable[str], where: Mapping[str, Any] | None = None, held: Held = None
    ) -> dict[str, list[Passage]]:
        """Return the live passages at the same place of other documents of the same text, by evidence id."""
        condition, binds = compile_where(where or {}, held)
        async with self._session() as session:
            rows = await session.listed(sql.COPIES, evidence_ids, binds, where=condition)
        found: dict[str, list[Passage]] = {}
        for row in rows:
            found.setdefault(str(row[0]), []).append(as_passage(row[1:]))
        return found

    async def live_by_document(self, document_ids: Iterable[str]) -> list[Passage]:
        """Return the live passages of the given documents."""
        return [as_passage(row) for row in await self._listed(sql.BY_DOCUMENT, list(document_ids))]

    async def neighbours(self, evidence_id: str, before: int, after: int) -> list[Passage]:
        """Return the passages before and after the given one, in reading order."""
        binds = {"evidence_id": evidence_id, "before": before, "after": after}
        async with self._session() as session:
            return [as_passage(row) for row in await session.rows(sql.NEIGHBOURS, binds)]

    async def canonical_text(self, document_id: str, text_hash: str, held: Held = None) -> str | None:
        """Return the text of one document version, if `held` may read it."""
        if max(len(document_id), len(text_hash)) > LONGEST_ID:
            return None
        async with self._session() as session:
            rows = await session.rows(sql.CANONICAL, {"document_id": document_id, "text_hash": text_hash})
        # Versions of one text under several labels: any that may be read will do.
        return next((str(text or "") for metadata, text in rows if may_read(labels_in_text(metadata), held)), None)

    async def live_texts(self, document_ids: Iterable[str], held: Held = None) -> list[str]:
        """Return the texts of those of the documents that are live and that `held` may read, in the order given."""
        wanted = list(dict.fromkeys(document_ids))
        rows = await self._listed(sql.LIVE_TEXTS, wanted)
        texts: dict[str, list[str]] = {each: [] for each in wanted}
        for document_id, metadata, text in rows:
            if may_read(labels_in_text(metadata), held):
                texts[document_id].append(str(text or ""))
        return [text for found in texts.values() for text in found]

    async def version(
        self, document_id: str, text_hash: str, labels: Labels, splitting: str | None
    ) -> StoredVersion | None:
        """Return one document version with its passages and vectors."""
        async with self._session() as session:
            for number, *stored in await self._same(session, document_id, text_hash):
                if stored == [labels, splitting]:
                    found = await session.rows(sql.VERSION, {"version_no": number})
                    rows = await session.rows(sql.VERSION_PASSAGES, {"version_no": number})
                    return sql.as_version(document_id, text_hash, found[0], rows) if found else None
        return None

    async def inventory(self) -> tuple[Revision, Sequence[Mapping[str, Any]]]:
        """Return the revision and every document version, by one statement and so of one state."""
        async with self._session() as session:
            rows = await session.rows(sql.STOCK)
        return as_revision(self._one(rows)), [sql.as_entry(row[3:]) for row in rows if row[3] is not None]

    async def counts(self, held: Held = None) -> tuple[Revision, int, int]:
        """Return the revision and the numbers of live documents and passages that `held` may read."""
        where, binds = compile_where({}, held)
        async with self._session() as session:
            row = self._one(await session.rows(sql.COUNTS, binds, where=where))
        return as_revision(row), int(row[3]), int(row[4])

    async def destroy(self, may: May) -> None:
        """Delete all rows of the corpus."""
        async with self.writer() as writer:
            await writer.destroy(may)

    async def hash_key(self) -> bytes:
        """Return the random key of this corpus. One of an earlier release gets its key now."""
        async with self._session() as session:
            key = self._one(await session.rows(sql.HASH_KEY))[0]
            if not key:
                await session.execute(sql.SET_HASH_KEY, {"hash_key": secrets.token_hex(32)}, commit=True)
                key = self._one(await session.rows(sql.HASH_KEY))[0]
        return bytes.fromhex(key)

    async def roots(self) -> Sequence[Root]:
        """Return the source roots."""
        async with self._session() as session:
            return [Root(*row) for row in await session.rows(sql.ROOTS)]

    async def remembered(self, files: Sequence[str]) -> Sequence[Noted]:
        """Return what is known of files."""
        return [as_file(row) for row in await self._listed(REMEMBERED, list(files))]

    async def earlier(self) -> Sequence[str]:
        """Return the ids of the live documents of earlier releases that were read from files."""
        async with self._session() as session:
            return [str(row[0]) for row in await session.rows(sql.EARLIER)]

    async def _same(self, session: Session, document_id: str, text_hash: str) -> list[tuple[int, Labels, str | None]]:
        """Return number, access label and splitting of the versions of one text."""
        if max(len(document_id), len(text_hash)) > LONGEST_ID:
            return []
        rows = await session.rows(sql.SAME, {"document_id": document_id, "text_hash": text_hash})
        return [(int(row[0]), labels_in_text(row[1]), row[2]) for row in rows]

    async def _splitting(self, session: Session, number: int) -> str:
        """Return how a version of an earlier release is split, which is not stored with it."""
        return splitting_of(sql.as_places(await session.rows(sql.VERSION_PASSAGES, {"version_no": number})))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        with translated_oracle(self.name):
            async with AsyncExitStack() as stack:

                async def connect() -> Any:
                    await stack.aclose()  # gives a connection that was lost back
                    return await stack.enter_async_context(self._pool.acquire())

                yield Session(await connect(), connect, self._sql, self.tenant, self.name)

    async def _keyword(
        self, session: Session, words: str, depth: int, condition: tuple[str, dict[str, Any]]
    ) -> dict[int, float]:
        where, binds = condition
        rows = await session.rows(sql.KEYWORD, {"query": words, "depth": depth, **binds}, where=where)
        return {int(row): float(score) for row, score in rows}

    async def _dense(
        self, session: Session, vector: Sequence[float], depth: int, condition: tuple[str, dict[str, Any]]
    ) -> dict[int, float]:
        where, filters = condition
        asked = {"vector": as_vector(vector), "depth": depth}
        rows: list[Any] = []
        if self._approximate and not where:
            rows = await session.rows(sql.APPROXIMATE, {**asked, "near": depth * _OVERFETCH})
        if len(rows) < depth:
            rows = await session.rows(sql.EXACT, {**asked, **filters}, where=where)
        return {int(row): sql.similarity(distance) for row, distance in rows}

    async def _together(
        self,
        session: Session,
        query: str,
        words: str,
        vector: Any,
        depth: int,
        condition: tuple[str, dict[str, Any]],
    ) -> Legs:
        """Return what one call of the hybrid vector index finds, at most `depth` rows a leg."""
        import oracledb

        where, filters = condition
        asked = {
            "hybrid_index_name": self._sql.text_index,
            "search_fusion": "UNION",
            "vector": {"search_text": query},
            "text": {"contains": words},
            "return": {"topN": depth * _OVERFETCH, "values": ["rowid", "text_score"]},
        }
        types = {"asked": oracledb.DB_TYPE_JSON}
        rows = await session.rows(sql.HYBRID, {"asked": asked, "vector": vector, **filters}, where=where, types=types)
        keyword = {int(row): float(score) for row, score, _ in rows if score}
        dense = {int(row): sql.similarity(distance) for row, _, distance in rows}
        return Legs(
            *(dict(sorted(leg.items(), key=lambda pair: (-pair[1], pair[0]))[:depth]) for leg in (keyword, dense))
        )

    async def _listed(self, statement: str, items: list[Any]) -> list[Any]:
        if not items:
            return []
        async with self._session() as session:
            return await session.listed(statement, items)

    def _one(self, rows: Sequence[Any]) -> Any:
        if not rows:
            raise CorpusMissing(f"there is no corpus `{self.name}`")
        return rows[0]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
