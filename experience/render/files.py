"""`report.md`, `report.json` and `report.html` in a folder, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from experience.render.html import render_html
from experience.render.markdown import render_markdown
from state.report import Report


def write_report(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write the three files into `folder`, replacing older ones, and return their paths. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.md": render_markdown(report),
        "report.json": report.model_dump_json(indent=2) + "\n",
        "report.html": render_html(report),
    }
    return tuple(_write(folder / name, text) for name, text in contents.items())


def _write(path: Path, text: str) -> Path:
    """Write beside, then rename, so that nobody reads half a file."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
