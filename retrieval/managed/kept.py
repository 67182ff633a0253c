"""Keeps what managed sources returned: in `sources.db` of the home folder, or in Oracle Database.

The corpus of a passage and its access label are part of its row, so that it is read like a passage of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from retrieval.managed.passages import SOURCE_KEY
from retrieval.managed.tables import metadata, passages, uses
from settings import Settings
from settings.connections.sql import Database
from settings.pools import IO
from state.access import AUDIENCE, Labels, stored_labels
from state.values import Passage

Result = TypeVar("Result")

FILE = "sources.db"
"""The database in the home folder. It exists once a source was asked."""

_AT_ONCE = 500
"""Ids in one statement: Oracle Database takes at most 1,000."""


class KeptPassages:
    """The passages of managed sources, for all tenants and corpora. Safe to share between tasks.

    Every method raises `DependencyUnavailable` if the database cannot be read or written, or has no such tables.

    Args:
        settings: choose SQLite or Oracle Database.
        engine: replaces the configured engine.
    """

    def __init__(self, settings: Settings, *, engine: sa.Engine | None = None) -> None:
        self._settings = settings
        self._database = Database(settings, FILE, metadata, engine=engine)

    async def keep(self, tenant: str, corpus: str, thread: str, found: Sequence[Passage]) -> None:
        """Store passages that a thread is shown, in one transaction; those that are known stay as they are."""
        if found:
            await IO.run(self._database.write, lambda connection: _keep(connection, (tenant, corpus), thread, found))

    async def by_evidence(self, tenant: str, corpus: str, evidence_ids: Iterable[str]) -> dict[str, Passage]:
        """Return passages of a corpus by evidence id."""
        keys = list(dict.fromkeys(evidence_ids))

        def read(connection: sa.Connection) -> list[sa.Row[Any]]:
            parts = (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))
            return [row for part in parts for row in connection.execute(_of(tenant, corpus, part))]

        none: list[sa.Row[Any]] = []
        return {each.evidence_id: _passage(each) for each in await self._read(read, none)}

    async def versions(self, tenant: str, corpus: str, document_id: str, text_hash: str) -> list[Passage]:
        """Return the passages that hold the canonical text of a document version: one for each label it was kept with.

        None if it is not kept.
        """
        known = _of(tenant, corpus).where(passages.c.document_id == document_id, passages.c.text_hash == text_hash)
        none: list[sa.Row[Any]] = []
        rows = await self._read(lambda connection: [*connection.execute(known)], none)
        return [_passage(row) for row in rows]

    async def labels(self, tenant: str, corpus: str) -> list[Labels]:
        """Return the different labels of a corpus's passages."""
        known = sa.select(passages.c.labels).where(*_in(tenant, corpus))
        none: list[Labels] = []
        rows = await self._read(lambda connection: [tuple(row.labels) for row in connection.execute(known)], none)
        return list(dict.fromkeys(rows))

    async def count(self, tenant: str, corpus: str, name: str) -> int:
        """Return how many passages of a source are kept."""
        counted = sa.select(sa.func.count()).select_from(passages).where(*_in(tenant, corpus, name))
        return int(await self._read(lambda connection: connection.execute(counted).scalar_one(), 0))

    async def forget_thread(self, thread: str) -> None:
        """Delete what only this thread was shown."""
        await self._write(lambda connection: _forget_thread(connection, thread))

    async def forget(self, tenant: str, corpus: str, name: str | None = None) -> int:
        """Delete the passages of one source, or of all sources of a corpus; return how many."""
        return await self._write(lambda connection: _forget(connection, tenant, corpus, name)) or 0

    async def aclose(self) -> None:
        """Close the connections."""
        await IO.run(self._database.close)

    async def _read(self, work: Callable[[sa.Connection], Result], nothing: Result) -> Result:
        return nothing if await IO.run(self._is_missing) else await IO.run(self._database.read, work)

    async def _write(self, work: Callable[[sa.Connection], Result]) -> Result | None:
        return None if await IO.run(self._is_missing) else await IO.run(self._database.write, work)

    def _is_missing(self) -> bool:
        """Return whether no source was ever asked: nothing is read then, and no file made for it."""
        return self._settings.data.backend == "embedded" and not (self._settings.home / FILE).is_file()


def _of(tenant: str, corpus: str, evidence_ids: Sequence[str] | None = None) -> sa.Select[Any]:
    found = sa.select(passages).where(*_in(tenant, corpus))
    return found if evidence_ids is None else found.where(passages.c.evidence_id.in_(evidence_ids))


def _in(tenant: str, corpus: str, name: str | None = None) -> tuple[sa.ColumnElement[bool], ...]:
    place = (passages.c.tenant == tenant, passages.c.corpus == corpus)
    return place if name is None else (*place, passages.c.source_name == name)


def _keep(connection: sa.Connection, place: tuple[str, str], thread: str, found: Sequence[Passage]) -> None:
    keys = [each.evidence_id for each in found]
    # The update locks the rows, so that nobody deletes them before their use is stored; what is gone is stored again.
    connection.execute(sa.update(passages).where(passages.c.evidence_id.in_(keys)).values(kept_at=_now()))
    known = _found(connection, passages, passages.c.evidence_id.in_(keys))
    _insert(connection, passages, [_row(*place, each) for each in found if each.evidence_id not in known])
    used = _found(connection, uses, uses.c.thread == thread, uses.c.evidence_id.in_(keys))
    _insert(connection, uses, [{"thread": thread, "evidence_id": key} for key in keys if key not in used])


def _found(connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> set[str]:
    return set(connection.execute(sa.select(table.c.evidence_id).where(*where)).scalars())


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that were not there a moment ago. An equal row that another transaction has just made is as good."""
    if not rows:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table), rows)
    except sa.exc.IntegrityError:
        for row in rows:
            with suppress(sa.exc.IntegrityError), connection.begin_nested():
                connection.execute(sa.insert(table), row)


def _forget_thread(connection: sa.Connection, thread: str) -> None:
    mine = sa.select(uses.c.evidence_id).where(uses.c.thread == thread)
    # Locked before they are compared with uses: one that another thread stores now is then committed, and seen.
    connection.execute(sa.select(passages.c.evidence_id).where(passages.c.evidence_id.in_(mine)).with_for_update())
    shown_to_others = sa.select(uses.c.evidence_id).where(uses.c.thread != thread)
    connection.execute(
        sa.delete(passages).where(passages.c.evidence_id.in_(mine), passages.c.evidence_id.not_in(shown_to_others))
    )
    connection.execute(sa.delete(uses).where(uses.c.thread == thread))


def _forget(connection: sa.Connection, tenant: str, corpus: str, name: str | None) -> int:
    gone = sa.select(passages.c.evidence_id).where(*_in(tenant, corpus, name))
    connection.execute(sa.delete(uses).where(uses.c.evidence_id.in_(gone)))
    return int(connection.execute(sa.delete(passages).where(*_in(tenant, corpus, name))).rowcount)


def _row(tenant: str, corpus: str, passage: Passage) -> dict[str, Any]:
    return {
        "evidence_id": passage.evidence_id,
        "tenant": tenant,
        "corpus": corpus,
        "source_name": passage.metadata[SOURCE_KEY],
        "document_id": passage.document_id,
        "text_hash": passage.text_hash,
        "title": passage.title,
        "place": passage.source,
        "first_page": passage.page,
        "last_page": passage.page_end,
        "labels": list(stored_labels(passage.metadata)),
        "body": passage.text,
        "kept_at": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _passage(row: sa.Row[Any]) -> Passage:
    return Passage(
        evidence_id=row.evidence_id,
        document_id=row.document_id,
        title=row.title,
        source=row.place,
        page=row.first_page,
        page_end=row.last_page,
        start=0,
        end=len(row.body),
        text=row.body,
        text_hash=row.text_hash,
        metadata={SOURCE_KEY: row.source_name, **({AUDIENCE: row.labels} if row.labels else {})},
    )
