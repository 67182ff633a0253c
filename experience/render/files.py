"""Writes `report.md`, `report.json` and `report.html` into a folder, each file atomically."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from experience.render.html import render_html
from experience.render.markdown import render_markdown
from state.report import Report


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write the three files into `folder`, replace older ones, and return the paths. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.md": render_markdown(report, folder),
        "report.json": report.model_dump_json(indent=2) + "\n",
        "report.html": render_html(report, folder),
    }
    return tuple(_write(folder / name, text) for name, text in contents.items())


def _write(path: Path, text: str) -> Path:
    """Write a temporary file and rename it, so that no reader sees a partial file."""
    # In the same folder: a rename is atomic only within one file system. Not `mkstemp`: its files are for their owner
    # alone, and who else may read a report is for the user's umask to say.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # before the rename: after a power loss, the new name must not point to no content
        temporary.replace(path)
    except BaseException:  # also for Ctrl-C: no temporary file is left behind
        temporary.unlink(missing_ok=True)
        raise
    return path
