"""Printing: results go to standard output, messages to standard error."""

from __future__ import annotations

import json
import re
from typing import Any

import typer

# Control characters, and the Unicode characters that reverse the direction of text and can disguise it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return `text` without control characters, so that a document cannot send commands to the terminal."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\f", "\n")).encode("utf-8", "replace").decode()


def say(text: str = "") -> None:
    """Print a line on standard output."""
    # As bytes: with a locale like C, text output would fail at the first non-ASCII character.
    typer.echo(printable(text).encode() + b"\n", nl=False)


def note(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(printable(text), err=True)


def note_json(document: Any) -> None:
    """Print a JSON document as a line on standard error, for programs that follow the progress."""
    typer.echo(_json(document, None) + b"\n", nl=False, err=True)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output, in UTF-8 whatever the locale."""
    typer.echo(_json(document, 2) + b"\n", nl=False)


def span_of(seconds: float) -> str:
    """Return a duration in words: `5 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def time_left(left: float, made: float, seconds: float, *, over: bool = False) -> str:
    """Return in words how long `left` takes, if `made` took `seconds`; if nothing is left, how long it took.

    `over`: nothing more is made, so that nothing can be said of what is left.
    """
    if left <= 0:
        return f"done in {span_of(seconds)}"
    if over:
        return f"stopped after {span_of(seconds)}"
    return f"{span_of(seconds * left / made)} left" if made else "starting"


def _json(document: Any, indent: int | None) -> bytes:
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate, for example from a file name that is not UTF-8
        return json.dumps(document, indent=indent).encode()


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    import sys

    return sys.stdout.isatty()


def print_table(columns: tuple[str, ...], rows: list[tuple[Any, ...]], *, cut: str = "") -> None:
    """Print rows: a table on a terminal, tab-separated lines elsewhere, which are whole and never wrapped.

    A cell of the column `cut`, such as a title, is cut off where the terminal ends; no other one is.
    """
    cells = [tuple(printable(str(cell)).replace("\n", " ").replace("\t", " ") for cell in row) for row in rows]
    if not is_terminal():
        for row in [columns, *cells]:
            say("\t".join(row))
        return
    from rich.console import Console

    from experience.cli.tables import show_table

    show_table(Console(), columns, cells, cut=cut)
