"""Reading an audit trail without checking it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from observability.audit.files import lines_of
from state.errors import DependencyUnavailable


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of the trail at `path`, oldest first; a last line that is being written is left out.

    Raises:
        DependencyUnavailable: the file cannot be read, or a line of it is no JSON object.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(lines_of(file), 1):
                if line.endswith(b"\n"):
                    yield _fields(line, number)
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
        raise DependencyUnavailable(f"line {number} of the audit trail is damaged", hint="run `sixplane audit verify`")
    return found
