"""Writes a report as Markdown, JSON and HTML into a folder, each file atomically."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experience.files import write_file
from experience.render.html import render_html
from experience.render.links import Originals
from experience.render.markdown import render_markdown
from settings.folders import private_folder
from state.report import Report


def write_report(report: Report, folder: Path, roots: Mapping[str, Path] | None = None) -> tuple[Path, ...]:
    """Write the three files into `folder`, replace older ones, and return the paths. Raises `OSError`.

    With the folders of the corpus's source roots, by name, they link to the original files.
    """
    private_folder(folder)  # a report may quote what only some may read
    contents = {
        "report.md": render_markdown(report, Originals(folder, roots or {})),
        "report.json": report.model_dump_json(indent=2) + "\n",
        "report.html": render_html(report, Originals(folder, roots or {})),
    }
    return tuple(write_file(folder / name, text.encode(), mode=0o600) for name, text in contents.items())
