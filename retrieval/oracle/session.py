"""`Session`: runs the statements of one corpus on one connection, and raises our own errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from retrieval.oracle.sql import LIST_SIZES, LONG_TEXT, Sql, placed
from settings.connections.oracle_errors import classify_oracle, codes_of, translated, was_lost
from settings.connections.sparing import committing
from state.errors import CorpusBusy, DependencyUnavailable

if TYPE_CHECKING:
    import oracledb

_LOCKED = frozenset({"ORA-00054", "ORA-30006"})
"""FOR UPDATE found the row locked, or waited for it in vain."""

T = TypeVar("T")


class Session:
    """Runs the statements of `retrieval.oracle.sql`; binds tenant and corpus wherever a statement names them.

    Args:
        connection: what it runs them on.
        connect: acquires another connection in its place, if this one turns out to be lost at the first statement.
        sql: the statements.
        tenant: the tenant.
        name: the corpus.
    """

    def __init__(
        self,
        connection: oracledb.AsyncConnection,
        connect: Callable[[], Awaitable[oracledb.AsyncConnection]],
        sql: Sql,
        tenant: str,
        name: str,
    ) -> None:
        self._connection, self._connect, self._sql, self._name = connection, connect, sql, name
        self._used = False
        self._scope = {"tenant": tenant, "corpus": name}

    def at_least(self, *version: int) -> bool:
        """Return whether the server has this version or a later one, for example 23, 6."""
        return tuple(int(part) for part in self._connection.version.split(".")) >= version

    async def rows(
        self,
        statement: str,
        binds: Mapping[str, Any] | None = None,
        *,
        where: str = "",
        types: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Return all rows. `types` gives the driver's type for binds that it cannot infer."""
        text = self._sql(statement, where)
        try:
            return await self._rows(text, binds, types)
        except DependencyUnavailable as error:
            if self._used or not was_lost(error):
                raise
        with translated_oracle(self._name):
            self._connection = await self._connect()
        return await self._rows(text, binds, types)

    async def _rows(self, text: str, binds: Mapping[str, Any] | None, types: Mapping[str, Any] | None) -> list[Any]:
        # `fetch_lobs=False` returns texts instead of LOB locators, each of which would cost a round trip to read.
        with translated_oracle(self._name), self._connection.cursor() as cursor:
            if types:
                cursor.setinputsizes(**types)
            await cursor.execute(text, self._scoped(text, binds), fetch_lobs=False)
            found = list(await cursor.fetchall())
        self._used = True
        return found

    async def listed(
        self, statement: str, items: Iterable[Any], binds: Mapping[str, Any] | None = None, *, where: str = ""
    ) -> list[Any]:
        """Return the rows of a statement for a list of numbers or ids, with a round trip for each 512 of them."""
        # No stored id is longer than `LONG_TEXT`, and the database refuses to compare one.
        wanted = [each for each in dict.fromkeys(items) if not isinstance(each, str) or len(each) <= LONG_TEXT]
        found: list[Any] = []
        for start in range(0, len(wanted), LIST_SIZES[-1]):
            text, listed = placed(statement, wanted[start : start + LIST_SIZES[-1]])
            found += await self.rows(text, {**listed, **(binds or {})}, where=where)
        return found

    async def execute(self, statement: str, binds: Mapping[str, Any] | None = None, *, commit: bool = False) -> int:
        """Run a statement that returns no rows; return how many it changed.

        With `commit`, it commits in its own round trip; `OutcomeUnknown` if the connection breaks meanwhile.
        """
        text, self._used = self._sql(statement), True
        with (
            translated_oracle(self._name, committing=commit),
            committing(self._connection, commit),
            self._connection.cursor() as cursor,
        ):
            await cursor.execute(text, self._scoped(text, binds))
            return int(cursor.rowcount)

    async def execute_many(
        self,
        statement: str,
        rows: Sequence[Mapping[str, Any]],
        named: Sequence[str],
        *,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a statement for each of `rows`, in one round trip; `named` holds the name of each row for errors.

        Raises:
            SixplaneError: rows were refused; the message lists all of them. The caller rolls back.
        """
        if not rows:
            return
        text, self._used = self._sql(statement), True
        with translated_oracle(self._name), self._connection.cursor() as cursor:
            if types:
                cursor.setinputsizes(**types)
            await cursor.executemany(text, [self._scoped(text, row) for row in rows], batcherrors=True)
            refused = cursor.getbatcherrors() or []
        if refused:
            raise _refusal(refused, named)

    async def rollback(self) -> None:
        """Roll the transaction back. If the connection is lost, the database does so itself."""
        import oracledb

        with suppress(oracledb.Error):
            await self._connection.rollback()

    def _scoped(self, text: str, binds: Mapping[str, Any] | None) -> dict[str, Any]:
        scope = {name: value for name, value in self._scope.items() if f":{name}" in text}
        return {**scope, **(binds or {})}


@contextmanager
def translated_oracle(name: str, *, committing: bool = False) -> Iterator[None]:
    """Raise our own errors for the driver's, naming the corpus `name`; `committing` as in `classify_oracle`."""
    import oracledb

    try:
        with translated(committing=committing):
            yield
    except DependencyUnavailable as error:
        if isinstance(error.__cause__, oracledb.Error) and _LOCKED.intersection(codes_of(error.__cause__)):
            raise CorpusBusy(f"another process is writing to the corpus `{name}`") from error.__cause__
        raise


def _refusal(refused: Sequence[Any], named: Sequence[str]) -> Exception:
    """Return one error that lists every refused row."""
    # langchain-oracledb (1.6.0) only logs refused rows and keeps the others, so a caller misses them.
    import oracledb

    first = classify_oracle(oracledb.DatabaseError(refused[0]))
    listed = ", ".join(f"{named[each.offset]} ({each.full_code})" for each in refused)
    return type(first)(
        f"{len(refused)} of {len(named)} rows were refused, and nothing was written: {listed}; {first.message}",
        hint=first.hint,
    )
