"""Corrections of upstream's SQL for the store: whole namespace labels, no expired items, bound numbers."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

from langgraph.store.base import ListNamespacesOp, SearchOp

Binds = dict[str, Any]
Query = tuple[str, Binds]

LIVE = "({0}expires_at IS NULL OR {0}expires_at > CURRENT_TIMESTAMP)"
"""Condition for items that have not expired. Upstream returns expired items until its sweeper deletes them, and reading
extends their life."""

_NAMESPACE = "st.prefix LIKE :ns_prefix"
_ORDER = "ORDER BY st.updated_at DESC"
_INTERVAL = re.compile(r"NUMTODSINTERVAL\([^,]*, 'MINUTE'\)")


def live_reads(queries: list[Any]) -> list[Any]:
    """Return the statements of `get`, limited to items that have not expired. The condition can be appended."""
    return [(f"{text} AND {LIVE.format('')}", *rest) for text, *rest in queries]


def exact_search(queries: list[Any], ops: list[SearchOp]) -> list[Query]:
    """Return the statements of `search`, limited to one namespace, those below it, and items that have not expired."""
    return [_exact(text, binds, op) for (text, binds), op in zip(queries, ops, strict=True)]


def _exact(text: str, binds: Binds, op: SearchOp) -> Query:
    text = _swapped(text, _ORDER, f"AND {LIVE.format('st.')} {_ORDER}")
    if not op.namespace_prefix:
        return text, binds
    condition, places = within("st.prefix", op.namespace_prefix, "ns")
    return _swapped(text, _NAMESPACE, condition), {
        **{name: value for name, value in binds.items() if name != "ns_prefix"},
        **places,
    }


def namespaces_query(table: str, op: ListNamespacesOp) -> Query:
    """Return the statement for all namespaces that may match `op`; the store then compares them label by label."""
    text = f"SELECT DISTINCT prefix AS truncated_prefix FROM {table} WHERE {LIVE.format('')}"  # noqa: S608 - a constant
    binds: Binds = {}
    for number, condition in enumerate(op.match_conditions or ()):
        labels = tuple(takewhile(lambda label: label != "*", condition.path))
        if condition.match_type == "prefix" and labels:
            more, places = within("prefix", labels, f"ns{number}")
            text, binds = f"{text} AND {more}", {**binds, **places}
    return f"{text} ORDER BY truncated_prefix", binds


def within(column: str, namespace: tuple[str, ...], name: str) -> Query:
    """Return the condition that `column` is `namespace` or a namespace below it, and its binds."""
    text = ".".join(namespace)
    escaped = re.sub(r"([!%_])", r"!\1", text)
    condition = f"({column} = :{name}_exact OR {column} LIKE :{name}_below ESCAPE '!')"
    return condition, {f"{name}_exact": text, f"{name}_below": f"{escaped}.%"}


def with_bound_ttl(queries: list[Any]) -> list[Query]:
    """Return the statements of `put` with the time to live as a bind. Upstream formats it into the SQL text."""
    return [(_INTERVAL.sub("NUMTODSINTERVAL(:ttl_minutes, 'MINUTE')", text), binds) for text, binds in queries]


def _swapped(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise RuntimeError(f"the SQL of langgraph-oracledb has changed: it does not contain `{old}`")
    return text.replace(old, new)
