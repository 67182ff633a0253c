"""usearch's graph files: each holds the vectors of consecutive row ids, up to a bound of memory.

A file never changes once it is published: usearch's `save` rewrites a file in place, and a process that has the file
mapped dies of SIGBUS. Rows are added by reading the last file into memory and writing it under another name; once it is
full, the next rows get a file of their own. So memory and time of a build do not grow with the corpus.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from retrieval.embedded.selection import Loaded

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 96, 192
"""HNSW parameters. `benchmarks.search` measured a recall of 0.998 at 20,000 and of 1.000 at 200,000 rows with them, see
docs/measurements.md; a lower `EXPANSION_SEARCH` is faster and misses more."""

_SMALL = 5_000
"""The first rows of a graph are added by one thread: several can leave unreachable nodes in a nearly empty graph."""

_PART = 8_192
"""Rows that are read and added to a graph at a time. A chosen value: 12 MB of vectors of 384 numbers."""

_LINKS = 224
"""Bytes that a row takes in memory beside its numbers: links, key and places. Measured: 190 to 210."""

Kind = Literal["f32", "f16", "i8"]
"""How a graph holds a number: in 4, 2 or 1 bytes. The database always holds 4, of which `i8` needs a second look."""

_SAME = 0.95
"""Above this cosine, a vector is the one that a graph holds in fewer bytes. A chosen value: `i8` keeps 0.99."""

_BYTES: dict[Kind, int] = {"f32": 4, "f16": 2, "i8": 1}


@dataclass(frozen=True)
class Segment:
    """A graph file: its name in the folder of the corpus, how many rows it holds, and their highest id.

    `dead` are the ids of those that were removed from the corpus since.
    """

    file: str
    count: int
    last: int
    dead: Sequence[int] = ()


def unit(matrix: Any) -> Any:
    """Return the rows of `matrix`, scaled to length one."""
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))  # four times as fast as `np.linalg.norm`
    return matrix / np.maximum(lengths, 1e-12)[:, None]


def unit_rows(rows: Iterable[Any]) -> Loaded:
    """Return ids and unit vectors of rows with `id` and `vector` (float32 blob)."""
    ids, vectors = [], bytearray()  # one buffer: an object for each vector takes as much memory again
    for row in rows:
        ids.append(row["id"])
        vectors += row["vector"]
    if not ids:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    return np.array(ids, dtype=np.int64), unit(np.frombuffer(vectors, dtype=np.float32).reshape(len(ids), -1))


def open_graph(path: Path, *, has_ids: bool = False) -> Any:
    """Open a graph file, mapped into memory, with a table of its row ids or without.

    Raises:
        ValueError: it is none.
        RuntimeError: it is damaged.
    """
    from usearch.index import Index

    dimensions, kind = _described(path)
    # A search asks for no row by its id: a table of the ids would take 30 bytes a row in each process.
    graph = Index(
        ndim=dimensions, metric="cos", dtype=kind, expansion_search=EXPANSION_SEARCH, enable_key_lookups=has_ids
    )
    graph.view(path)
    return graph


def ids_in(path: Path) -> Any:
    """Return the row ids (int64) in a graph file; errors as `open_graph`."""
    return np.asarray(open_graph(path, has_ids=True).keys).astype(np.int64)


def check_holds(path: Path, rows: Loaded) -> None:
    """Raise `ValueError` if a graph file holds other vectors for some of its rows; other errors as `open_graph`."""
    ids, vectors = rows
    held = unit(np.asarray(open_graph(path, has_ids=True).get(ids.astype(np.uint64))).astype(np.float32))
    if (np.vecdot(held, vectors) < _SAME).any():
        raise ValueError(f"{path.name} is of another database")


def kind_of(graph: Any) -> Kind:
    """Return how a graph holds its numbers."""
    return _kind(graph.dtype)


def kind_in(path: Path) -> Kind:
    """Return how the graph of a file holds its numbers; only the head of the file is read.

    Raises:
        ValueError: it is none.
    """
    return _kind(_described(path)[1])


def _described(path: Path) -> tuple[int, Any]:
    from usearch.index import Index

    found = Index.metadata(path)
    if found is None:
        raise ValueError(f"{path.name} is not a usearch index")
    return int(found["dimensions"]), found["kind_scalar"]


def _kind(scalar: Any) -> Kind:
    return str(scalar).rpartition(".")[2].lower()  # type: ignore[return-value]


def write_graphs(
    folder: Path, name: str, added: Iterable[Any], before: Sequence[Segment], kind: Kind, memory: int
) -> list[Segment]:
    """Add rows to the graphs of a corpus; return those that hold all of them now.

    Args:
        folder: where the files are.
        name: what the names of the new files begin with.
        added: rows with `id`, ascending and above those of `before`, and `vector` (float32 blob); read in parts.
        before: the graphs that there are. The rows of the last one, unless it is full, go into a new file with the
            first that are added; all files stay as they are.
        kind: that of `before` and of the new files.
        memory: the bytes that a new graph may take; it holds `_SMALL` rows at least.
    """
    writer: _Writer | None = None
    rows = iter(added)
    while part := list(islice(rows, _PART)):
        ids, vectors = unit_rows(part)
        if writer is None:
            most = max(memory // (_BYTES[kind] * vectors.shape[1] + _LINKS), _SMALL)
            writer = _Writer(folder / name, before, kind, most)
        writer.add(ids, vectors)
    return writer.finish() if writer is not None else [*before]


class _Writer:
    """Fills one graph after the other with at most `most` rows."""

    def __init__(self, path: Path, before: Sequence[Segment], kind: Kind, most: int) -> None:
        from usearch.index import Index

        self._path, self._kind, self._most = path, kind, most
        self._segments, self._last, self._graph = [*before], 0, None
        self._dead: Sequence[int] = ()
        if before and before[-1].count < most:
            last = self._segments.pop()
            self._graph, self._dead = Index.restore(path.with_name(last.file)), last.dead

    def add(self, ids: Any, vectors: Any) -> None:
        """Add rows; write each graph that becomes full."""
        while len(ids):
            if self._graph is None:
                self._graph = _new(vectors.shape[1], self._kind)
            is_small = len(self._graph) < _SMALL
            room = (_SMALL if is_small else self._most) - len(self._graph)
            self._graph.add(ids[:room].astype(np.uint64), vectors[:room], threads=1 if is_small else 0)
            self._last = int(ids[:room][-1])
            ids, vectors = ids[room:], vectors[room:]
            if len(self._graph) == self._most:
                self._write(self._graph)

    def finish(self) -> list[Segment]:
        """Write the graph that is not full; return all graphs."""
        if self._graph is not None:
            self._write(self._graph)
        return self._segments

    def _write(self, graph: Any) -> None:
        path = self._path.with_name(f"{self._path.name}-{len(self._segments)}.usearch")
        partial = path.with_suffix(".partial")
        graph.save(partial)
        # Synced before it is renamed: after a power failure, the new name must not point to an empty file.
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
        self._segments.append(Segment(path.name, len(graph), self._last, self._dead))
        self._graph, self._dead = None, ()


def _new(dimensions: int, kind: Kind) -> Any:
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="cos",
        dtype=kind,
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
