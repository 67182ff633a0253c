"""Reading an audit trail without checking its chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from observability.audit.chain import opened
from observability.audit.files import lines_of
from state.errors import DependencyUnavailable


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of the trail at `path`, oldest first; a last line that is being written is left out.

    Raises:
        DependencyUnavailable: the file cannot be read, or a line of it is no JSON object.
    """
    for number, line in _lines(path):
        yield _fields(line, number)


def lines_about(path: Path, objects: Collection[str], wanted: Callable[[dict[str, Any]], bool]) -> list[bytes]:
    """Return the lines on one of `objects` that are `wanted` by their fields, as they stand in the trail at `path`.

    Args:
        path: the trail.
        objects: the objects, as `named` returns them.
        wanted: called with the fields of each line on one of them.

    Raises:
        DependencyUnavailable: the file cannot be read, or one of these lines is not as it was written.
    """
    # Most lines are about something else. They are sorted out without parsing them: a trail can have millions.
    marks = [f'"object":{json.dumps(each)}'.encode() for each in objects]
    found = []
    for number, line in _lines(path):
        if any(mark in line for mark in marks):
            try:
                fields = opened(line)
            except ValueError as error:
                raise _damaged(number) from error
            if fields.get("object") in objects and wanted(fields):
                found.append(line)
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each complete line. Raises `DependencyUnavailable`."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(lines_of(file), 1):
                if line.endswith(b"\n"):
                    yield number, line
    except FileNotFoundError:
        return
    except OSError as error:
        raise DependencyUnavailable(
            f"the audit trail cannot be read: {error.strerror}", hint="check the permissions of the file"
        ) from error


def _fields(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _damaged(number)
    return found


def _damaged(number: int) -> DependencyUnavailable:
    return DependencyUnavailable(f"line {number} of the audit trail is damaged", hint="run `sixplane audit verify`")
