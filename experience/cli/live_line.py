"""One line of progress on standard error: live on a terminal, a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol

from experience.cli.output import note

_PLAIN_SECONDS = 30.0
"""A chosen value: a log of an hour gets 120 lines."""


class Board(Protocol):
    """Counts what has ended, and tells it as a line."""

    def take(self, outcome: Any) -> None:
        """Count an outcome."""
        ...

    def line(self) -> str:
        """Return the progress as one line."""
        ...


class _Shown:
    """A board as rich shows it: asked anew at each refresh."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __rich__(self) -> str:
        return self._board.line()


@contextmanager
def live_line(name: str, board: Board) -> Iterator[Callable[[Any], None]]:
    """Show `board` while the block runs; plain lines begin with `name`. Yields the function that takes an outcome."""
    if not sys.stderr.isatty():
        yield _plain(name, board)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(_Shown(board), console=Console(stderr=True), refresh_per_second=4, transient=True):
        yield board.take


def _plain(name: str, board: Board) -> Callable[[Any], None]:
    told = monotonic()

    def take_and_tell(outcome: Any) -> None:
        nonlocal told
        board.take(outcome)
        if monotonic() - told >= _PLAIN_SECONDS:
            told = monotonic()
            note(f"{name}: {board.line()}")

    return take_and_tell
