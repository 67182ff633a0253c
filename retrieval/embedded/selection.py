"""The rows that a filter matches, evaluated by SQLite once for each state of a corpus."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from retrieval.embedded import reads
from retrieval.embedded.filters import compile_where
from state.access import Held

_MOST = 8
"""Filters that are remembered, of one corpus. A chosen value: callers of a few groups, and the filter of a run."""

HELD_ROWS = 10_000
"""A filter that matches no more rows keeps their vectors. A chosen value: 15 MB of vectors of 384 numbers."""

Loaded = tuple[Any, Any]
"""Row ids (int64) and their unit vectors (float32), in one order."""


class Selection:
    """Some rows of an index.

    Args:
        ids: the row ids (int64), ascending.
        load: reads the vectors of row ids.
    """

    def __init__(self, ids: Any, load: Callable[[Any], Loaded]) -> None:
        self.ids = ids
        self._load = load
        self._condition: Any = None

    def __len__(self) -> int:
        return len(self.ids)

    def has(self, rows: Any) -> Any:
        """Return for each of the row ids (int64) whether it is one of these."""
        known = rows < len(self._mask)
        return known & self._mask[np.where(known, rows, 0)]

    def condition(self, make: Callable[[list[int]], Any]) -> Any:
        """Return what `make` makes of the ids, as it was made first: the condition of the one keyword index."""
        if self._condition is None:
            self._condition = make(self.ids.tolist())
        return self._condition

    @cached_property
    def vectors(self) -> Loaded:
        """The unit vectors of all rows, read once. Only for up to `HELD_ROWS` of them."""
        return self._load(self.ids)

    @cached_property
    def _mask(self) -> Any:
        mask = np.zeros(int(self.ids[-1]) + 1 if len(self.ids) else 1, dtype=bool)
        mask[self.ids] = True
        return mask


class Selections:
    """Remembers what filters match. Safe to share between threads.

    A row that matches can only change with a write, and every write is a new generation.
    """

    def __init__(self, load: Callable[[Any], Loaded]) -> None:
        self._load = load
        self._known: OrderedDict[tuple[Any, ...], Selection] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, connection: sqlite3.Connection, generation: int, where: Mapping[str, Any], held: Held) -> Selection:
        """Return the live rows that match `where` and that `held` may read, in the state that `connection` sees.

        Raises:
            BadInput: `where` is malformed.
        """
        condition, binds = compile_where(where, held)
        key = (generation, condition, *((type(each), each) for each in binds))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = Selection(np.array(reads.matching(connection, condition, binds), dtype=np.int64), self._load)
        with self._lock:
            self._known[key] = found
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found
