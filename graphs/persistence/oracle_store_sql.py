"""The store's statements, upstream's made exact: whole labels of namespaces, no expired items, numbers bound."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

from langgraph.store.base import ListNamespacesOp, SearchOp

Binds = dict[str, Any]
Query = tuple[str, Binds]

LIVE = "({0}expires_at IS NULL OR {0}expires_at > CURRENT_TIMESTAMP)"
"""Upstream reads what has expired until its sweeper deletes it, and prolongs it by reading."""

_NAMESPACE = "st.prefix LIKE :ns_prefix"
_ORDER = "ORDER BY st.updated_at DESC"
_INTERVAL = re.compile(r"NUMTODSINTERVAL\([^,]*, 'MINUTE'\)")


def live_reads(queries: list[Any]) -> list[Any]:
    """Return the statements of `get`, which end in their conditions, for items that have not expired."""
    return [(f"{text} AND {LIVE.format('')}", *rest) for text, *rest in queries]


def exact_search(queries: list[Any], ops: list[SearchOp]) -> list[Query]:
    """Return the statements of `search` for one namespace and those below it, and for items that have not expired."""
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
    """Return a statement for every namespace that may fit `op`; which do, is told label by label."""
    text = f"SELECT DISTINCT prefix AS truncated_prefix FROM {table} WHERE {LIVE.format('')}"  # noqa: S608 - our name
    binds: Binds = {}
    for number, condition in enumerate(op.match_conditions or ()):
        labels = tuple(takewhile(lambda label: label != "*", condition.path))
        if condition.match_type == "prefix" and labels:
            more, places = within("prefix", labels, f"ns{number}")
            text, binds = f"{text} AND {more}", {**binds, **places}
    return f"{text} ORDER BY truncated_prefix", binds


def within(column: str, namespace: tuple[str, ...], name: str) -> Query:
    """Return the condition that `column` holds `namespace` or one below it, and its binds."""
    text = ".".join(namespace)
    escaped = re.sub(r"([!%_])", r"!\1", text)
    condition = f"({column} = :{name}_exact OR {column} LIKE :{name}_below ESCAPE '!')"
    return condition, {f"{name}_exact": text, f"{name}_below": f"{escaped}.%"}


def with_bound_ttl(queries: list[Any]) -> list[Query]:
    """Return the statements of `put` with the time to live as a bind."""
    return [(_INTERVAL.sub("NUMTODSINTERVAL(:ttl_minutes, 'MINUTE')", text), binds) for text, binds in queries]


def _swapped(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise RuntimeError(f"langgraph-oracledb writes other SQL than it did: `{old}` is not in it")
    return text.replace(old, new)
