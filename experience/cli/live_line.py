"""One line of progress on standard error: live on a terminal, a plain line every 30 seconds elsewhere.

A last line says how long it took; elsewhere than on a terminal, only if there was a line before it.
"""

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

    def line(self, *, over: bool = False) -> str:
        """Return the progress as one line. `over`: no further outcome comes."""
        ...


class _Shown:
    """A board as rich shows it: asked anew at each refresh."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __rich__(self) -> str:
        return self._board.line()


@contextmanager
def live_line(name: str, board: Board, *, clock: Callable[[], float] = monotonic) -> Iterator[Callable[[Any], None]]:
    """Show `board` while the block runs; plain lines begin with `name`. Yields the function that takes an outcome."""
    if not sys.stderr.isatty():
        with _plain(name, board, clock) as take:
            yield take
        return
    from rich.console import Console
    from rich.live import Live

    with Live(_Shown(board), console=Console(stderr=True), refresh_per_second=4, transient=True):
        yield board.take
    note(f"{name}: {board.line(over=True)}")


@contextmanager
def _plain(name: str, board: Board, clock: Callable[[], float]) -> Iterator[Callable[[Any], None]]:
    told, line = clock(), ""

    def take_and_tell(outcome: Any) -> None:
        nonlocal told, line
        board.take(outcome)
        if clock() - told >= _PLAIN_SECONDS:
            told, line = clock(), board.line()
            note(f"{name}: {line}")

    yield take_and_tell
    if line and line != (last := board.line(over=True)):
        note(f"{name}: {last}")
