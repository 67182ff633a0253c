"""`WriterLease`: one writer a corpus, without a transaction between its writes.

A writer that held its row lock while it embeds would be in danger: an Autonomous Database may end a session that is
idle for over five minutes and holds what others need ("Idle Time Limits" in its documentation). So the row of the
corpus names its writer, until a time of the database's clock, and a transaction locks the row only while it writes. It
then compares the name: a writer whose lease another one has taken writes nothing more. A task renews the lease while
the writer embeds or parses.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field

from retrieval.oracle import sql as sql
from retrieval.oracle.session import Session
from state.errors import CorpusBusy, CorpusMissing, SixplaneError

LEASE_SECONDS = 60
"""How long the corpus of a writer that died stays busy. A chosen value: three renewals, one of which must succeed."""

RENEW_SECONDS = 20.0


@dataclass
class Transaction:
    """A transaction of the writer, which holds the row of the corpus locked."""

    session: Session
    dimensions: int
    """Those of the vectors in the tables."""
    last: str = sql.RENEW
    """The statement that renews the lease and commits."""
    binds: Mapping[str, object] = field(default_factory=dict)
    """Its binds besides those of the lease."""


class WriterLease:
    """The lease of one writer.

    Args:
        sessions: acquires a session for a block.
        name: the corpus, for errors.
    """

    def __init__(self, sessions: Callable[[], AbstractAsyncContextManager[Session]], name: str) -> None:
        self._sessions, self._name = sessions, name
        self._mine = {"writer": secrets.token_hex(16)}
        self._lasting = {**self._mine, "seconds": LEASE_SECONDS}
        # The renewal must not wait for the row that this writer's own transaction has locked, nor the other way round.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lease for a block.

        Raises:
            CorpusBusy: another writer holds it.
            CorpusMissing: there is no such corpus.
        """
        await self._claim()
        renewal = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
            # A lease that cannot be given back ends by itself; the error that led here says more.
            with suppress(SixplaneError):
                await self._change(sql.RELEASE, self._mine)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Lock the corpus for a block, and commit with the statement that renews the lease.

        If the block raises or is cancelled, everything is rolled back, and the lock released.

        Raises:
            CorpusBusy: another writer has taken the lease, which had run out.
            CorpusMissing: the corpus was deleted.
        """
        async with self._turn, self._sessions() as session:
            try:
                transaction = Transaction(session, await self._locked(session))
                yield transaction
                await session.execute(transaction.last, {**self._lasting, **transaction.binds}, commit=True)
            except BaseException:  # a cancellation too: no connection goes back to the pool with the lock
                await session.rollback()
                raise

    async def _locked(self, session: Session) -> int:
        """Lock the row of the corpus, whose writer this must be; return the dimensions."""
        rows = await session.rows(sql.LOCK)
        if not rows:
            raise CorpusMissing("the corpus no longer exists")
        if rows[0][1] != self._mine["writer"]:
            raise CorpusBusy("another process has written to the corpus meanwhile", hint="ingest again")
        return int(rows[0][0])

    async def _claim(self) -> None:
        async with self._sessions() as session:
            rows = await session.rows(sql.WRITING)
            if not rows:
                raise CorpusMissing("the corpus no longer exists")
            # The first look waits for no row lock; the UPDATE decides, since another may claim it at the same time.
            won = not rows[0][0] and await session.execute(sql.CLAIM, self._lasting, commit=True)
        if not won:
            raise CorpusBusy(
                f"another process is writing to the corpus `{self._name}`",
                hint=f"try again when it has finished; if it has died, in {LEASE_SECONDS} seconds",
            )

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            async with self._turn:
                with suppress(SixplaneError):  # the next renewal may succeed, and every transaction checks the lease
                    await self._change(sql.RENEW, self._lasting)

    async def _change(self, statement: str, binds: Mapping[str, object]) -> None:
        async with self._sessions() as session:
            await session.execute(statement, binds, commit=True)
