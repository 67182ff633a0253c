"""The name of a document as readers may see it. No path of the machine is shown."""

from __future__ import annotations

import re
from pathlib import Path, PurePath, PureWindowsPath
from urllib.parse import unquote, urlsplit, urlunsplit

from state.places import pages_of
from state.report import ReportEvidence
from state.values import Passage

_ROW = re.compile(r"(?P<file>.*\.(?:jsonl|ndjson))#(?P<key>.+)", re.DOTALL | re.IGNORECASE)


def place_of(evidence: ReportEvidence | Passage) -> str:
    """Return the file name and the pages."""
    return ", ".join(filter(None, (shown_source(evidence.source), pages_of(evidence))))


def shown_source(source: str) -> str:
    """Return `source` as readers may see it.

    A path inside the working folder becomes relative to it, any other absolute path becomes its file name, and an
    address loses its user name and password.

    >>> shown_source("/home/ann/papers/prices.pdf")
    'prices.pdf'
    >>> shown_source("https://ann:secret@example.com/a")
    'https://example.com/a'
    """
    file, key = split_row(source)
    if file.lower().startswith(("http://", "https://")):
        return without_credentials(file) or "an address"
    path = local_path(file)
    if PureWindowsPath(file).drive:
        file = PureWindowsPath(file).name
    elif path is not None:
        file = _relative(path)
    return f"{file}#{key}" if key else file


def portable_source(source: str) -> str:
    """Return `source` with an absolute path cut to its file name: the same on every machine, whatever its folders.

    >>> portable_source("/home/ann/faq.jsonl#limits"), portable_source("papers/prices.pdf")
    ('faq.jsonl#limits', 'papers/prices.pdf')
    """
    file, key = split_row(source)
    path = local_path(file)
    if PureWindowsPath(file).drive:
        file = PureWindowsPath(file).name
    elif path is not None and path.is_absolute():
        file = path.name
    return f"{file}#{key}" if key else file


def local_path(source: str) -> Path | None:
    """Return the path that a source names, or `None` for an address. `file:` addresses are paths."""
    if source.lower().startswith("file:"):
        return Path(unquote(urlsplit(source).path))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", source):  # another scheme; one letter is a drive of Windows
        return None
    return Path(source)


def split_row(source: str) -> tuple[str, str]:
    """Return the file and the row of a source like `faq.jsonl#limits`; other sources have no row."""
    row = _ROW.fullmatch(source)
    return (row["file"], row["key"]) if row else (source, "")


def without_credentials(address: str) -> str:
    """Return a web address without user name and password, or an empty string if it is malformed."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    netloc = f"{host}:{port}" if port else host
    return urlunsplit(parts._replace(netloc=netloc)) if host else ""


def _relative(path: PurePath) -> str:
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name
