"""`AsyncOracleStore` with corrections: namespaces match whole labels, and values are returned exactly as stored.

Upstream (langgraph-oracledb) finds namespaces by `prefix LIKE 'ns%'`: `("t1",)` also finds items of `("t10",)`, which
leaks between tenants, and `_` and `%` in labels are wildcards. `oracle_store_sql` makes its statements exact, and this
module checks each namespace again. Its JSON column turns 2.0 into the integer 2, so values that it would change are
stored as text. Long values are bound as JSON, since text of more than 4,000 bytes fails (ORA-01461). Upstream's `setup`
creates tables; ours only checks them.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal

import oracledb
from langgraph.store.base import (
    NOT_PROVIDED,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    NotProvided,
    Op,
    PutOp,
    Result,
    SearchOp,
)
from langgraph_oracledb.store.oracle.aio import AsyncOracleStore

from graphs.persistence.oracle_json import is_exact_json
from graphs.persistence.oracle_migrations import marks, verify_version
from graphs.persistence.oracle_store_sql import exact_search, live_reads, namespaces_query, with_bound_ttl
from settings.connections.oracle_errors import again_if_lost
from state.errors import BadInput

SUFFIX = "novec"
"""Suffix of the tables of a store without vectors, as upstream names them. Memory is searched by a corpus instead."""

PACKED = "sixplane:json"
"""Key that marks a value stored as text."""

MAX_FETCHED = 10_000
"""Maximum number of rows that one search fetches. A chosen value: it limits time and memory of a search."""

_TABLES = {
    "store": f"store_{SUFFIX}",
    "store_vectors": f"store_vectors_{SUFFIX}",
    "store_migrations": f"store_migrations_{SUFFIX}",
    "vector_migrations": f"vector_migrations_{SUFFIX}",
}


class OracleStore(AsyncOracleStore):
    """The store on Oracle Database 23ai or later, on a pool."""

    def __init__(self, pool: oracledb.AsyncConnectionPool) -> None:
        super().__init__(pool)
        self.table_suffix, self.table_names = SUFFIX, dict(_TABLES)

    async def setup(self) -> None:
        """Check that the tables exist; `sixplane db init` creates them.

        Raises:
            DependencyUnavailable: the tables are missing or have another version.
        """
        await verify_version(self._cursor(), _TABLES["store_migrations"], len(self.MIGRATIONS), whose="the store's")

    async def aput(
        self,
        namespace: tuple[str, ...],
        key: str,
        value: Mapping[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Store a value. It is checked here, because in `abatch` an error would fail the other callers' operations too.

        Raises:
            BadInput: the ttl is not a positive number, or the value is not JSON.
        """
        _checked(PutOp(namespace, key, dict(value), ttl=None if isinstance(ttl, NotProvided) else ttl))
        await super().aput(namespace, key, value, index, ttl=ttl)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute operations.

        Raises:
            BadInput: a ttl is not a positive number, or a value is not JSON.
            DependencyUnavailable: the database fails.
        """
        asked = [_checked(op) for op in ops]
        batch = super().abatch  # each operation stores under a key of its own, so that doing it again changes nothing

        async def mended() -> list[Result]:
            results = await batch(asked)
            return [await self._mended(op, result) for op, result in zip(asked, results, strict=True)]

        return await again_if_lost(mended, committing=any(isinstance(op, PutOp) for op in asked))

    async def _mended(self, op: Op, result: Any) -> Result:
        if isinstance(op, GetOp) and result is not None:
            return _loaded(result)
        if isinstance(op, SearchOp):
            return await self._searched(op, result)
        if isinstance(op, ListNamespacesOp):
            return _listed(result, op)
        return result  # type: ignore[no-any-return]  # upstream is untyped

    def _get_batch_GET_ops_queries(self, get_ops: Any) -> list[Any]:  # noqa: N802  (upstream's name)
        return live_reads(super()._get_batch_GET_ops_queries(get_ops))

    def _prepare_batch_search_queries(self, search_ops: Any) -> tuple[list[Any], list[Any]]:
        queries, requests = super()._prepare_batch_search_queries(search_ops)
        return exact_search(queries, [op for _, op in search_ops]), requests

    def _get_batch_list_namespaces_queries(self, list_ops: Any) -> list[Any]:
        return [namespaces_query(_TABLES["store"], op) for _, op in list_ops]

    def _prepare_batch_PUT_queries(self, put_ops: Any) -> tuple[list[Any], Any]:  # noqa: N802  (upstream's name)
        queries, requests = super()._prepare_batch_PUT_queries(put_ops)
        return with_bound_ttl(queries), requests

    async def _batch_put_ops(self, prepared_statements: Any, cur: Any) -> None:
        """Execute the statements, values bound as JSON: `SELECT … FROM DUAL` rejects text of more than 4,000 bytes."""
        queries, _ = prepared_statements
        for query, binds in queries:
            if "value" in binds:
                cur.setinputsizes(value=oracledb.DB_TYPE_JSON)
                binds = {**binds, "value": json.loads(binds["value"])}
            await cur.execute(query, binds)

    async def _searched(self, op: SearchOp, found: list[Any]) -> list[Any]:
        """Return the hits inside the namespace. If foreign rows took places of the page, fetch more rows."""
        last = op.offset + op.limit
        if op.offset == 0 and all(_inside(item, op) for item in found):
            return [_loaded(item) for item in found]
        limit = last
        while True:
            limit = min(limit * 4, MAX_FETCHED)
            rows: Any = (await super().abatch([op._replace(offset=0, limit=limit)]))[0]
            inside = [item for item in rows if _inside(item, op)]
            if len(inside) >= last or len(rows) < limit or limit == MAX_FETCHED:
                return [_loaded(item) for item in inside[op.offset : last]]


def _inside(item: Item, op: SearchOp) -> bool:
    return tuple(item.namespace[: len(op.namespace_prefix)]) == tuple(op.namespace_prefix)


def _checked(op: Op) -> Op:
    if not isinstance(op, PutOp):
        return op
    if op.ttl is not None and (
        isinstance(op.ttl, bool) or not isinstance(op.ttl, int | float) or not _positive(op.ttl)
    ):
        raise BadInput(f"{op.ttl!r} is not a time to live", hint="use a positive number of minutes")
    if op.value is None or (is_exact_json(op.value) and PACKED not in op.value):
        return op
    try:
        return op._replace(value={PACKED: json.dumps(op.value)})
    except (TypeError, ValueError) as error:
        raise BadInput(f"the value of {op.key!r} is not JSON: {error}", hint="store JSON values only") from error


def _positive(ttl: float) -> bool:
    return math.isfinite(ttl) and ttl > 0


def _loaded(item: Item) -> Item:
    """Return the item with its value as it was stored."""
    value = item.value
    item.value = json.loads(value[PACKED]) if PACKED in value else _plain(value)
    return item


def _plain(value: Any) -> Any:
    """Return `value` with `int` and `float` in place of `Decimal`, which the driver returns for numbers."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _listed(namespaces: list[tuple[str, ...]], op: ListNamespacesOp) -> list[tuple[str, ...]]:
    """Return the requested page of matching namespaces, cut to the depth, without duplicates."""
    fitting = [each for each in namespaces if all(_matches(each, condition) for condition in op.match_conditions or ())]
    return sorted({each[: op.max_depth] for each in fitting})[op.offset : op.offset + op.limit]


def _matches(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    """Whether the labels match, one by one; `*` matches any label."""
    path = condition.path
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(want in ("*", label) for want, label in zip(path, part, strict=True))


def store_ddl() -> list[str]:
    """Return upstream's statements that create the store's tables, and those that record them as applied."""
    journal = _TABLES["store_migrations"]
    made = [_without_comments(statement).format(**_TABLES) for statement in AsyncOracleStore.MIGRATIONS]
    created = f"CREATE TABLE IF NOT EXISTS {journal} (v INTEGER PRIMARY KEY)"
    return [created, *made, *marks(journal, len(made))]


def store_drops() -> list[str]:
    """Return the statements that drop the tables."""
    return [f"DROP TABLE {table} PURGE" for table in (_TABLES["store"], _TABLES["store_migrations"], "store_configs")]


def _without_comments(statement: str) -> str:
    return " ".join(" ".join(line for line in statement.splitlines() if not line.lstrip().startswith("--")).split())


@asynccontextmanager
async def open_oracle_store(pool: oracledb.AsyncConnectionPool) -> AsyncIterator[OracleStore]:
    """Yield the store on `pool`.

    Raises:
        DependencyUnavailable: the tables are missing.
    """
    store = OracleStore(pool)
    await store.setup()
    yield store
