"""`indexes.json`: which index files of a corpus belong together, and what they hold."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval.embedded.graphs import Segment

STATE = "indexes.json"
DAMAGED = (OSError, ValueError, KeyError, TypeError, RuntimeError)
"""Raised by tantivy, usearch and `json` for files that are missing, truncated or of another kind."""


@dataclass(frozen=True)
class Built:
    """The last complete build.

    `count` rows up to the id `last` are indexed, as of `generation` and `epoch`; the words of all by the analyser of
    that version, the vectors of the first ones in `graphs`, by ascending ids. The others are scanned.
    """

    generation: int
    epoch: int
    last: int
    count: int
    graphs: tuple[Segment, ...]
    analyser: int


def read_built(folder: Path) -> Built | None:
    """Return what the state file in `folder` says; `None` if there is none that can be read."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if "graph" in state:  # releases that had one graph of all rows
            graphs = [Segment(state["graph"], state["count"], state["last"])] if state["graph"] else []
        else:
            graphs = [Segment(**{**each, "dead": tuple(each.get("dead", ()))}) for each in state["graphs"]]
        found = {name: int(state[name]) for name in ("generation", "epoch", "last", "count")}
        # Releases before the first analyser of our own named none.
        return Built(**found, graphs=tuple(graphs), analyser=state.get("analyser", 0))
    except DAMAGED:
        return None


def write_built(folder: Path, built: Built) -> None:
    """Replace the state file at once: until then, readers use the files of the earlier build."""
    partial = folder / f"{STATE}.partial"
    partial.write_text(json.dumps(asdict(built)), encoding="utf-8")
    partial.replace(folder / STATE)
