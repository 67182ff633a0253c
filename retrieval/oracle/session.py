"""One connection of the pool for one corpus: statements with binds, and errors of our tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from retrieval.oracle.sql import Sql
from settings.connections.oracle_errors import classify_oracle, codes_of
from state.errors import CorpusBusy

if TYPE_CHECKING:
    import oracledb

_LOCKED = "ORA-00054"
T = TypeVar("T")


class Session:
    """Runs the statements of `retrieval.oracle.sql` for one corpus; tenant and name are bound where they stand."""

    def __init__(self, connection: oracledb.AsyncConnection, sql: Sql, tenant: str, name: str) -> None:
        self._connection, self._sql, self._name = connection, sql, name
        self._scope = {"tenant": tenant, "corpus": name}

    async def rows(
        self,
        statement: str,
        binds: Mapping[str, Any] | None = None,
        *,
        where: str = "",
        types: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Return all rows, texts and not locators. `types` are the driver's, for binds that it cannot guess."""
        text = self._sql(statement, where)
        with translated_oracle(self._name), self._connection.cursor() as cursor:
            if types:
                cursor.setinputsizes(**types)
            await cursor.execute(text, self._scoped(text, binds), fetch_lobs=False)
            return list(await cursor.fetchall())

    async def execute(self, statement: str, binds: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns nothing."""
        text = self._sql(statement)
        with translated_oracle(self._name), self._connection.cursor() as cursor:
            await cursor.execute(text, self._scoped(text, binds))

    async def execute_many(
        self,
        statement: str,
        rows: Sequence[Mapping[str, Any]],
        named: Sequence[str],
        *,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a statement once for each of `rows`, in one round trip; `named` names each row in an error.

        Raises:
            SixplaneError: rows were refused; all of them are told, and the caller rolls back.
        """
        if not rows:
            return
        text = self._sql(statement)
        with translated_oracle(self._name), self._connection.cursor() as cursor:
            if types:
                cursor.setinputsizes(**types)
            await cursor.executemany(text, [self._scoped(text, row) for row in rows], batcherrors=True)
            refused = cursor.getbatcherrors() or []
        if refused:
            raise _refusal(refused, named)

    async def commit(self) -> None:
        """End the transaction."""
        with translated_oracle(self._name):
            await self._connection.commit()

    async def rollback(self) -> None:
        """Undo the transaction. A connection that is gone has undone it."""
        import oracledb

        with suppress(oracledb.Error):
            await self._connection.rollback()

    def _scoped(self, text: str, binds: Mapping[str, Any] | None) -> dict[str, Any]:
        scope = {name: value for name, value in self._scope.items() if f":{name}" in text}
        return {**scope, **(binds or {})}


@contextmanager
def translated_oracle(name: str) -> Iterator[None]:
    """Turn the driver's errors into ours, for the corpus `name`."""
    import oracledb

    try:
        yield
    except oracledb.Error as error:
        if _LOCKED in codes_of(error):
            raise CorpusBusy(f"another process is writing to the corpus `{name}`") from error
        raise classify_oracle(error) from error


def _refusal(refused: Sequence[Any], named: Sequence[str]) -> Exception:
    """Return one error that tells every row: upstream logs them, and stores the rest."""
    import oracledb

    first = classify_oracle(oracledb.DatabaseError(refused[0]))
    told = ", ".join(f"{named[each.offset]} ({each.full_code})" for each in refused)
    return type(first)(
        f"{len(refused)} of {len(named)} rows were refused, and nothing was written: {told}; {first.message}",
        hint=first.hint,
    )
