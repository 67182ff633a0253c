"""Writes files atomically: a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from state.errors import BadInput


def write_file(path: Path, data: bytes, *, mode: int, replace: bool = True) -> Path:
    """Write `data` to a temporary file, give it the name `path`, and return `path`.

    Args:
        path: the file.
        data: its content.
        mode: its permissions, before the umask.
        replace: whether an older file may be replaced.

    Raises:
        BadInput: the file exists and may not be replaced.
        OSError: it cannot be written.
    """
    # In the same folder: a rename is atomic only within one file system. Not `mkstemp`: its files are for their owner
    # alone, whatever `mode` says.
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # before the rename: after a power loss, the new name must not point to no content
        if replace:
            temporary.replace(path)
        else:
            _name(temporary, path)
    except BaseException:  # also for Ctrl-C: no temporary file is left behind
        temporary.unlink(missing_ok=True)
        raise
    return path


def refuse_existing(path: Path) -> None:
    """Raise `BadInput` if there is something at `path`."""
    if path.exists() or path.is_symlink():
        raise BadInput(f"{str(path)!r} exists", hint="choose another file, or replace it with `--force`")


def _name(temporary: Path, path: Path) -> None:
    """Give a temporary file its name, unless another file has it by now."""
    try:
        path.hardlink_to(temporary)  # fails if the name is taken, where a rename would replace the other file
    except FileExistsError:
        refuse_existing(path)
        raise
    temporary.unlink()
