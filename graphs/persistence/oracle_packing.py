"""Where a channel's value is stored in Oracle Database: in the checkpoint's JSON, or in a row of its own.

Upstream (langgraph-oracledb) keeps every value that is no JSON in a row of its own, so nearly each checkpoint takes a
second statement. Here small ones are serialised into the checkpoint's JSON. They are written again with each
checkpoint, so only small ones are. Checkpoints of earlier releases, which have none, are read as before.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphs.persistence.oracle_json import is_exact_json
from graphs.persistence.oracle_values import Row

SMALL_BYTES = 1_000
"""Up to this size a serialised value is small. A chosen value: some twenty channels of a run are, most of them empty.
"""

MOST_THREADS = 100
"""For how many threads it is remembered how their latest values were packed. A chosen value: 2 MB at most."""

PACKED = "sixplane:packed"
"""Key that marks a serialised value in JSON: its type, and its bytes in base64."""


class Split(NamedTuple):
    """The values of one checkpoint: `inside` its JSON, and the `rows` that have to be stored besides.

    `latest` has the version of each serialised value, and its JSON, `None` if it is in a row.
    """

    inside: dict[str, Any]
    rows: list[Row]
    latest: dict[str, tuple[str, Any]]


def is_packed(value: Any) -> bool:
    """Return whether a value of a JSON column is a serialised one."""
    return isinstance(value, Mapping) and PACKED in value


def is_plain(value: Any) -> bool:
    """Return whether a JSON column returns a value exactly, and nobody could take it for a serialised one."""
    return is_exact_json(value) and not is_packed(value)


class Packing:
    """Packs values for one saver, and unpacks them.

    It remembers the latest values of some threads, so that a value is serialised once, and not with each checkpoint.
    """

    def __init__(self, serde: SerializerProtocol) -> None:
        self._serde = serde
        self._latest: OrderedDict[tuple[str, str], dict[str, tuple[str, Any]]] = OrderedDict()

    def packed(self, value: Any) -> Any:
        """Return a value as JSON, serialised unless a JSON column returns it exactly."""
        return value if is_plain(value) else _as_json(*self._serde.dumps_typed(value))

    def loaded(self, value: Any) -> Any:
        """Return a value of a JSON column as it was before it was packed."""
        if not is_packed(value):
            return value
        kind, data = value[PACKED]
        return self._serde.loads_typed((kind, base64.b64decode(data)))

    def split(
        self,
        thread: tuple[str, str],
        values: Mapping[str, Any],
        versions: Mapping[str, Any],
        is_large: Callable[[Any], bool],
    ) -> Split:
        """Split the values of a checkpoint into those for its JSON and rows for the others.

        A row is there for each value that is not known to be stored already; storing it again changes nothing.

        Args:
            thread: thread id and namespace, as they are stored.
            values: the values by channel.
            versions: the version of each channel.
            is_large: whether a plain value is too large for JSON all the same.
        """
        known, found = self._latest.get(thread, {}), Split({}, [], {})
        for channel, value in values.items():
            if is_plain(value) and not is_large(value):
                found.inside[channel] = value
                continue
            version = str(versions.get(channel, ""))
            before, packed = known.get(channel, ("", None))
            if not version or before != version:
                kind, data = self._serde.dumps_typed(value)
                packed = _as_json(kind, data) if not version or len(data) <= SMALL_BYTES else None
                if packed is None:
                    names = {"thread_id": thread[0], "checkpoint_ns": thread[1], "channel": channel}
                    found.rows.append({**names, "version": version, "type": kind, "blob": data})
            found.latest[channel] = version, packed
            if packed is not None:
                found.inside[channel] = packed
        return found

    def stored(self, thread: tuple[str, str], split: Split) -> None:
        """Remember the values of a checkpoint that is committed."""
        self._latest[thread] = split.latest
        self._latest.move_to_end(thread)
        if len(self._latest) > MOST_THREADS:
            self._latest.popitem(last=False)


def _as_json(kind: str, data: bytes) -> dict[str, Any]:
    return {PACKED: [kind, base64.b64encode(data).decode("ascii")]}
