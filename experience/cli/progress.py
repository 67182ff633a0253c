"""Shows the nodes of a run on standard error if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.table import Table

    from experience.service.events import RunEvent


class Progress(Protocol):
    """Receives every event of a run."""

    def __call__(self, event: RunEvent) -> None:
        """Update the display with an event."""


class NodeBoard:
    """The nodes that have run or are running, with their count and duration."""

    def __init__(self) -> None:
        self.running: dict[str, list[float]] = {}
        self.done: dict[str, tuple[int, float]] = {}

    def __call__(self, event: RunEvent) -> None:
        """Update the board with an event."""
        if event.type == "node_started":
            self.running.setdefault(event.node, []).append(monotonic())
        elif event.type == "node_finished":
            # Branches of one node finish in any order; the oldest start is taken, and the sum of durations stays right.
            starts = self.running.get(event.node) or [monotonic()]
            times, seconds = self.done.get(event.node, (0, 0.0))
            self.done[event.node] = (times + 1, seconds + monotonic() - starts.pop(0))

    def lines(self) -> list[tuple[str, str, str]]:
        """Return mark, name and duration of every node, in the order of their first start."""
        names = dict.fromkeys([*self.done, *self.running])
        return [self._line(name) for name in names]

    def __rich__(self) -> Table:
        from rich.table import Table

        table = Table.grid(padding=(0, 1))
        for line in self.lines():
            table.add_row(*line)
        return table

    def _line(self, name: str) -> tuple[str, str, str]:
        times, seconds = self.done.get(name, (0, 0.0))
        active = self.running.get(name, [])
        count = f" ×{times + len(active)}" if times + len(active) > 1 else ""
        elapsed = seconds + sum(monotonic() - start for start in active)
        return "…" if active else "✓", f"{name}{count}", f"{elapsed:.1f} s"


@contextmanager
def node_progress(*, enabled: bool = True) -> Iterator[Progress]:
    """Show the nodes of a run while the block runs."""
    board = NodeBoard()
    if not (enabled and sys.stderr.isatty()):
        yield board
        return
    from rich.console import Console
    from rich.live import Live

    with Live(board, console=Console(stderr=True), refresh_per_second=8, transient=True):
        yield board
