"""Links from a report to the original documents: to a web address, or to a file that the reader can open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from experience.render.places import local_path, split_row, without_credentials
from state.report import ReportEvidence

_SAFE = "%/:=&?~#+!$,;@-._"
"""What stays as it is in a web address. Brackets and quotation marks are encoded: they would end a Markdown link."""

_WORDS = 6
"""Words at each end of a quote that a text fragment names. A chosen value: unique in most documents."""


@dataclass(frozen=True)
class Originals:
    """Makes links to the originals, relative to the folder of the report. Without a folder, only web addresses.

    `roots` are the folders of the corpus's source roots, by name.
    """

    folder: Path | None = None
    roots: Mapping[str, Path] = field(default_factory=dict)

    def document(self, source: str) -> str:
        """Return the link to a document, or an empty string if it cannot be opened from the report.

        The only schemes are `http` and `https`; a file gets a relative link.
        """
        file, _ = split_row(source)
        return _web(file) or self._file(file)

    def passage(self, item: ReportEvidence, quoted: str = "") -> str:
        """Return the link to the place of a passage: its page in a PDF, the quote in a web page. Empty without one."""
        link = self.document(item.source)
        path = urlsplit(link).path.lower()
        if path.endswith(".pdf"):
            link = f"{link.partition('#')[0]}#page={item.page}" if item.page else link
        elif link and quoted.strip() and (path.endswith((".html", ".htm")) or _web(link)):
            link = f"{link}{'' if '#' in link else '#'}:~:text={_fragment(quoted)}"
        return link if "#" in link else ""

    def _file(self, source: str) -> str:
        path = local_path(source)
        if path is None or self.folder is None:
            return ""
        folder = _plain(self.folder)
        root = self.roots.get(path.parts[0]) if path.parts else None
        # Earlier releases named files by paths relative to the working folder.
        places = [*([root.joinpath(*path.parts[1:])] if root else []), Path.cwd() / path, folder / path]
        for file in map(_plain, places):
            if _is_file(file) and _shares_a_folder(file, folder):
                return quote(Path(os.path.relpath(file, folder)).as_posix())
        return ""


WITHOUT_FILES = Originals()
"""Links to web addresses only."""


def passage_address(corpus: str, evidence_id: str, run_id: str = "") -> str:
    """Return the address of a passage on the page, relative to the server. With a run, its quotes are marked there.

    >>> passage_address("handbook", "EAB", "7")
    '/passages/handbook/EAB?run=7'
    """
    address = f"/passages/{quote(corpus, safe='')}/{quote(evidence_id, safe='')}"
    return f"{address}?run={quote(run_id, safe='')}" if run_id else address


def _web(source: str) -> str:
    if not source.lower().startswith(("http://", "https://")) or any(char.isspace() for char in source):
        return ""
    return quote(without_credentials(source), safe=_SAFE)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that the system does not accept
        return False


def _plain(path: Path) -> Path:
    """Return an absolute path without `..`. Links in it stay, since a report names files as its reader does."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `Path.resolve` follows links


def _shares_a_folder(file: Path, folder: Path) -> bool:
    """Return whether a relative link names no folder outside of the working folder or the home folder.

    From `/tmp/out` to `/home/ann/x.pdf` it would be `../../home/ann/x.pdf`, which is an absolute path in other words.
    """
    common = Path(os.path.commonpath([file, folder]))
    roots = [folder, Path.cwd()]
    with suppress(RuntimeError):  # there may be no home folder
        roots.append(Path.home())
    return any(common == root or common.is_relative_to(root) for root in roots)


def _fragment(quoted: str) -> str:
    """Return a text fragment: the first and last words of a quote, each from one line, since blocks end a match."""
    lines = [line.split() for line in quoted.splitlines() if line.strip()]
    first, last = lines[0], lines[-1]
    if len(lines) == 1 and len(first) <= 2 * _WORDS:
        return _encoded(first)
    return f"{_encoded(first[:_WORDS])},{_encoded(last[-_WORDS:])}"


def _encoded(words: list[str]) -> str:
    return quote(" ".join(words), safe="").replace("-", "%2D")  # a dash has a meaning in text fragments
