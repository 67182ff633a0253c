"""Files of an upload: a path, or a name with the content."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

Upload = str | Path | tuple[str, bytes]
"""A path, or the name of a file with its content. The suffix of the name selects the format."""

Part = tuple[str, tuple[str, IO[bytes] | bytes]]


def parts(files: Iterable[Upload], stack: ExitStack) -> list[Part]:
    """Return the parts of a form. Files stay open until `stack` closes: they are sent as they are read."""
    return [("files", _named(each, stack)) for each in files]


def _named(file: Upload, stack: ExitStack) -> tuple[str, IO[bytes] | bytes]:
    if isinstance(file, tuple):
        return file
    path = Path(file)
    return path.name, stack.enter_context(path.open("rb"))
