"""The keyword and vector indexes of a corpus: caches beside its database, updated when its revision has changed.

`indexes.json` names the revision, the analyser and the files of the last complete build. A missing, damaged or outdated
build is extended or rebuilt by a process that holds the writer lock; a reader that cannot get the lock searches in
memory. The words that another version of the analyser made are replaced, the vectors stay.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from retrieval.backend import Revision
from retrieval.embedded import reads
from retrieval.embedded.analyser import ANALYSER
from retrieval.embedded.database import Database
from retrieval.embedded.keyword import KeywordIndex
from retrieval.embedded.selection import Loaded, Selections
from retrieval.embedded.vector import EXACT_BELOW, Kind, VectorIndex, kind_of, open_graph, unit_rows, write_graph

# Files never change once they are published: a new generation gets a new graph file, a new epoch a new tantivy folder.
# usearch's `save` rewrites a file in place, and a process that has the file mapped dies of SIGBUS.
_STATE = "indexes.json"
_DAMAGED = (OSError, ValueError, KeyError, TypeError, RuntimeError)
"""Raised by tantivy, usearch and `json` for files that are missing, truncated or of another kind."""

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
    """

    def __init__(self, database: Database, kind: Kind) -> None:
        self._database, self._folder, self._kind = database, database.path.parent, kind
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
            before = self._state()
            # The files can only be added to: once passages were removed (a new epoch), they are built anew.
            if before is None or before["epoch"] != revision.epoch or not self._try_build(revision, before):
                self._discard()
                self._try_build(revision, None)
            if not self._open(revision):
                _log.warning("the index files cannot be used; searches run in memory")
                self._in_memory()

    def _try_build(self, revision: Revision, before: dict[str, Any] | None) -> bool:
        try:
            self._write(revision, before)
        except _DAMAGED as error:
            _log.warning("the index files cannot be extended (%s)", type(error).__name__)
            return False
        return True

    def _write(self, revision: Revision, before: dict[str, Any] | None) -> None:
        earlier, since = (before["count"], before["last"]) if before else (0, 0)
        added, last = self._database.ask(reads.counted_after, since)
        self._write_keyword(revision, before, added)
        state = {
            "generation": revision.generation,
            "epoch": revision.epoch,
            "last": last,
            "count": earlier + added,
            "graph": self._write_graph(revision, before, earlier + added, added),
            "analyser": ANALYSER,
        }
        self._publish(state)

    def _write_keyword(self, revision: Revision, before: dict[str, Any] | None, added: int) -> None:
        folder = self._folder / _keyword_name(revision.epoch)
        if before is None or before["analyser"] != ANALYSER:
            _remove(folder)  # a build that was interrupted may have left it
            before = None
        keyword = KeywordIndex(folder)
        if before is not None and keyword.size != before["count"]:
            raise ValueError("the keyword index lacks rows")
        if before is None or added:
            keyword.add(self._database.stream(reads.rows_after, before["last"] if before else 0))

    def _write_graph(self, revision: Revision, before: dict[str, Any] | None, count: int, added: int) -> str | None:
        if count < EXACT_BELOW:
            return None
        if before and before["graph"] and not added:
            return str(before["graph"])
        earlier = self._folder / before["graph"] if before and before["graph"] else None
        # A graph of an earlier release, or from before the setting was changed, is made anew from the database.
        if earlier and kind_of(open_graph(earlier)) != self._kind:
            earlier = None
        path = self._folder / f"vectors-{revision.epoch}-{revision.generation}.usearch"
        last = before["last"] if before and earlier else 0
        write_graph(path, self._database.stream(reads.vectors_after, last), earlier, self._kind)
        return path.name

    def _publish(self, state: dict[str, Any]) -> None:
        # The state file is replaced last and at once: until then, readers use the files of the earlier build.
        partial = self._folder / f"{_STATE}.partial"
        partial.write_text(json.dumps(state), encoding="utf-8")
        partial.replace(self._folder / _STATE)
        for old in [*self._folder.glob("vectors-*"), *self._folder.glob("keyword-*")]:
            if old.name not in (state["graph"], _keyword_name(state["epoch"])):
                _remove(old)

    def _open(self, revision: Revision) -> bool:
        """Open the files if they belong to this revision and are undamaged; return whether they were opened."""
        state = self._state()
        wanted = (revision.generation, revision.epoch, ANALYSER)
        if state is None or (state["generation"], state["epoch"], state["analyser"]) != wanted:
            return False
        folder = self._folder / _keyword_name(revision.epoch)
        try:
            if not folder.is_dir():
                return False
            keyword = KeywordIndex(folder)
            graph = open_graph(self._folder / state["graph"]) if state["graph"] else None
        except _DAMAGED:
            return False
        # The row counts show a build that was interrupted between tantivy's commit and the state file.
        if keyword.size != state["count"] or (graph is not None and len(graph) != state["count"]):
            return False
        self.opened = self._opened(revision, keyword, state["count"], graph)
        return True

    def _in_memory(self) -> None:
        revision = self._database.ask(reads.revision)
        count, _ = self._database.ask(reads.counted_after, 0)
        keyword = KeywordIndex()
        keyword.add(self._database.stream(reads.rows_after, 0))
        self.opened = self._opened(revision, keyword, count)

    def _opened(self, revision: Revision | None, keyword: KeywordIndex | None, size: int, graph: Any = None) -> Opened:
        return Opened(revision, keyword, VectorIndex(size, self._vectors, graph), Selections(self._vectors))

    def _vectors(self, rows: Any) -> Loaded:
        if rows is None:
            return unit_rows(self._database.stream(reads.vectors_after, 0))
        return unit_rows(self._database.ask(reads.vectors, rows.tolist()))

    def _state(self) -> dict[str, Any] | None:
        try:
            state = json.loads((self._folder / _STATE).read_text(encoding="utf-8"))
            # Releases before the first analyser of our own named none.
            known = {name: state[name] for name in ("generation", "epoch", "last", "count", "graph")}
            return {**known, "analyser": state.get("analyser", 0)}
        except _DAMAGED:
            return None

    def _discard(self) -> None:
        for old in [self._folder / _STATE, *self._folder.glob("vectors-*"), *self._folder.glob("keyword-*")]:
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
