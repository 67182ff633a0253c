"""Writes `report.md`, `report.json` and `report.html` into a folder, each file atomically."""

from __future__ import annotations

import os
import tempfile
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
    # In the same folder: a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # before the rename: after a power loss, the new name must not point to no content
        temporary.chmod(0o644)  # `mkstemp` makes files that only their owner may read
        temporary.replace(path)
    except BaseException:  # also for Ctrl-C: no temporary file is left behind
        temporary.unlink(missing_ok=True)
        raise
    return path
