"""The keyword and vector indexes of a corpus: caches beside its database, updated when its revision has changed.

`indexes.json` names the revision, the analyser and the files of the last complete build. A missing, damaged or outdated
build is extended or rebuilt by a process that holds the writer lock; a reader that cannot get the lock searches in
memory. The words that another version of the analyser made are replaced, the vectors stay. Rows are scanned until there
are enough of them for a graph, so that a small write does not write a large file.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from retrieval.backend import Revision
from retrieval.embedded import reads
from retrieval.embedded.analyser import ANALYSER
from retrieval.embedded.built import DAMAGED, STATE, Built, read_built, write_built
from retrieval.embedded.database import Database
from retrieval.embedded.graphs import Kind, Segment, check_holds, ids_in, kind_in, open_graph, unit_rows, write_graphs
from retrieval.embedded.keyword import KeywordIndex
from retrieval.embedded.selection import Loaded, Selections
from retrieval.embedded.vector import EXACT_BELOW, VectorIndex

# Files never change once they are published: rows that are added get new graph files, a new epoch a new tantivy folder.

_DEAD, _MOST_DEAD = 0.2, 5_000
"""The share and the number of superseded passages in a graph above which it is made anew. Chosen values: a search goes
deeper by twice the share, and a search for a subject all of whose passages were removed takes 10 ms more at most."""

_log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """The indexes of one revision, `None` before the first one was opened. Safe to share between threads."""

    revision: Revision | None
    keyword: KeywordIndex | None
    vector: VectorIndex
    selections: Selections


class Indexes:
    """The two indexes of one corpus. Safe to share between threads.

    Args:
        database: the database of the corpus; the index files are stored in its folder.
        kind: how a graph that is built anew holds its numbers.
        memory: the bytes that a graph may take while it is built.
    """

    def __init__(self, database: Database, kind: Kind, memory: int) -> None:
        self._database, self._folder, self._kind, self._memory = database, database.path.parent, kind, memory
        self._lock_path = lock_path(self._folder)
        self._lock = threading.RLock()  # reentrant: `refresh` calls `build`, and both take it
        self.opened = self._opened(None, None, 0)
        """The indexes that were opened last. They never change; later ones take their place."""

    def refresh(self) -> Revision:
        """Open the index files of the database's revision; build them if needed, in memory while another writes."""
        with self._lock:
            revision = self._database.ask(reads.revision)
            if revision != self.opened.revision and not self._open(revision):
                try:
                    # No waiting: a search during a long ingest would wait for its end.
                    with FileLock(self._lock_path, timeout=0, thread_local=False):
                        self.build()
                except (Timeout, OSError):
                    self._in_memory()
            return revision

    def build(self) -> None:
        """Bring the index files up to the database's revision and open them. The caller holds the writer lock."""
        with self._lock:
            revision = self._database.ask(reads.revision)
            if revision == self.opened.revision or self._open(revision):
                return
            before = read_built(self._folder)
            # A database that is older than its index was put back: its ids may mean other passages.
            is_older = before and (before.generation > revision.generation or before.epoch > revision.epoch)
            if before is None or is_older or not self._try_build(revision, before):
                self._discard()
                self._try_build(revision, None)
            if not self._open(revision):
                _log.warning("the index files cannot be used; searches run in memory")
                self._in_memory()

    def _try_build(self, revision: Revision, before: Built | None) -> bool:
        try:
            self._write(revision, before)
        except DAMAGED as error:
            _log.warning("the index files cannot be extended (%s)", type(error).__name__)
            return False
        return True

    def _write(self, revision: Revision, before: Built | None) -> None:
        # Words can only be added: once passages were removed (a new epoch), all are indexed anew.
        words = before if before and before.epoch == revision.epoch else None
        earlier, since = (words.count, words.last) if words else (0, 0)
        added, last = self._database.ask(reads.counted_after, since)
        self._write_keyword(revision, words, added)
        graphs = self._write_graphs(revision, before, earlier + added)
        self._publish(Built(revision.generation, revision.epoch, last, earlier + added, graphs, ANALYSER))

    def _without_removed(self, name: str, graphs: Sequence[Segment]) -> tuple[Segment, ...]:
        """Return the graphs after passages were removed.

        One that holds superseded passages stays, unless they are many. What was deleted leaves the files, too.
        """
        stored, live = self._database.ask(reads.ids_until, graphs[-1].last)
        left: list[Segment] = []
        since = 0
        for number, graph in enumerate(graphs):
            held = ids_in(self._folder / graph.file)
            dead = np.setdiff1d(held, live, assume_unique=True)
            if len(dead) <= min(_DEAD * len(held), _MOST_DEAD) and np.isin(dead, stored, assume_unique=True).all():
                # A database that was put back and written to since may have other passages under these ids.
                alive = np.sort(np.setdiff1d(held, dead, assume_unique=True))
                self._check_holds(graph, alive[[0, len(alive) // 2, -1]])
                left.append(replace(graph, dead=tuple(sorted(dead.tolist()))))
            else:
                rows = islice(self._database.stream(reads.vectors_after, since), len(held) - len(dead))
                left += write_graphs(self._folder, f"{name}-{number}", rows, (), self._kind, self._memory)
            since = graph.last
        return tuple(left)

    def _check_holds(self, graph: Segment, rows: Any) -> None:
        found = self._database.ask(reads.vectors, np.unique(rows).tolist())
        check_holds(self._folder / graph.file, unit_rows(found))

    def _publish(self, built: Built) -> None:
        write_built(self._folder, built)
        kept = {_keyword_name(built.epoch), *(each.file for each in built.graphs)}
        for old in [*self._folder.glob("vectors-*"), *self._folder.glob("keyword-*")]:
            if old.name not in kept:
                _remove(old)

    def _write_keyword(self, revision: Revision, before: Built | None, added: int) -> None:
        folder = self._folder / _keyword_name(revision.epoch)
        if before is None or before.analyser != ANALYSER:
            _remove(folder)  # a build that was interrupted may have left it
            before = None
        keyword = KeywordIndex(folder)
        if before is not None and keyword.size != before.count:
            raise ValueError("the keyword index lacks rows")
        if before is None or added:
            keyword.add(self._database.stream(reads.rows_after, before.last if before else 0))

    def _write_graphs(self, revision: Revision, before: Built | None, count: int) -> tuple[Segment, ...]:
        graphs = before.graphs if before else ()
        # Graphs of an earlier release, or from before the setting was changed, are made anew from the database.
        if any(kind_in(self._folder / each.file) != self._kind for each in graphs):
            graphs = ()
        name = f"vectors-{revision.epoch}-{revision.generation}"
        if before and graphs and before.epoch != revision.epoch:
            graphs = self._without_removed(name, graphs)
        if count - sum(each.count - len(each.dead) for each in graphs) < EXACT_BELOW:
            return graphs
        rows = self._database.stream(reads.vectors_after, graphs[-1].last if graphs else 0)
        return tuple(write_graphs(self._folder, name, rows, graphs, self._kind, self._memory))

    def _open(self, revision: Revision) -> bool:
        """Open the files if they belong to this revision and are undamaged; return whether they were opened."""
        built = read_built(self._folder)
        wanted = (revision.generation, revision.epoch, ANALYSER)
        if built is None or (built.generation, built.epoch, built.analyser) != wanted:
            return False
        folder = self._folder / _keyword_name(revision.epoch)
        try:
            if not folder.is_dir():
                return False
            keyword = KeywordIndex(folder)
            graphs = [open_graph(self._folder / each.file) for each in built.graphs]
        except DAMAGED:
            return False
        # The row counts show a build that was interrupted between tantivy's commit and the state file.
        if keyword.size != built.count or [*map(len, graphs)] != [each.count for each in built.graphs]:
            return False
        self.opened = self._opened(revision, keyword, built.count, graphs, built.graphs)
        return True

    def _in_memory(self) -> None:
        revision = self._database.ask(reads.revision)
        count, _ = self._database.ask(reads.counted_after, 0)
        keyword = KeywordIndex()
        keyword.add(self._database.stream(reads.rows_after, 0))
        self.opened = self._opened(revision, keyword, count)

    def _opened(
        self,
        revision: Revision | None,
        keyword: KeywordIndex | None,
        size: int,
        graphs: Sequence[Any] = (),
        segments: Sequence[Segment] = (),
    ) -> Opened:
        """Return indexes of `size` rows, the first of which are in `graphs`."""
        last = segments[-1].last if segments else 0
        dead = np.array(sorted(row for each in segments for row in each.dead), dtype=np.int64)

        def load(rows: Any) -> Loaded:
            if rows is None:
                return unit_rows(self._database.stream(reads.vectors_after, last))
            return unit_rows(self._database.ask(reads.vectors, rows.tolist()))

        return Opened(revision, keyword, VectorIndex(size, load, graphs, dead), Selections(load))

    def _discard(self) -> None:
        for old in [self._folder / STATE, *self._folder.glob("vectors-*"), *self._folder.glob("keyword-*")]:
            _remove(old)


def lock_path(folder: Path) -> Path:
    """Return the path of the writer lock of the corpus in `folder`."""
    return folder / "writer.lock"


def _keyword_name(epoch: int) -> str:
    # With the analyser's version, so that an older release never opens words that it reads otherwise.
    return f"keyword-{ANALYSER}-{epoch}"


def _remove(path: Path) -> None:
    """Remove an outdated file or folder; a process that still has it mapped keeps its contents."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
