"""The format of what a server sends, by its media type, or by the name in its address where that says more."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from retrieval.loaders.errors import LoadFault
from retrieval.loaders.formats import format_of

_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/force-download", "text/plain"})
"""What servers send for files that they do not know."""

_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/x-rst": ".rst",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/xml": ".xml",
    "text/yaml": ".yaml",
    "application/yaml": ".yaml",
    "application/x-yaml": ".yaml",
    "application/x-ndjson": ".ndjson",
    "application/jsonl": ".jsonl",
    "application/rtf": ".rtf",
    "text/rtf": ".rtf",
    "application/x-pdf": ".pdf",
    "application/x-zip-compressed": ".zip",
    "application/x-ipynb+json": ".ipynb",
    "application/epub+zip": ".epub",
    "application/gzip": ".tar.gz",
    "application/x-gtar-compressed": ".tar.gz",
    "application/vnd.ms-outlook": ".msg",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
}
_OTHERS = mimetypes.MimeTypes()
"""Python's own table; the functions of `mimetypes` also ask the system's, which differ."""


def suffix_of(media_type: str, path: str) -> str:
    """Return the suffix of the format, for example `.pdf`.

    Raises:
        LoadFault: it is no format that is read.
    """
    kind = media_type.partition(";")[0].strip().lower()
    named = Path(path).suffix.lower()
    if kind in _VAGUE and format_of(Path(f"x{named}")) is not None and named:
        return named
    stated = ".txt" if kind == "text/plain" else _SUFFIXES.get(kind) or _OTHERS.guess_extension(kind)
    if stated is None and kind.endswith(("+xml", "+json")):
        stated = f".{kind.rpartition('+')[2]}"
    if stated is None or format_of(Path(f"x{stated}")) is None:
        raise LoadFault(f"it is of the media type {kind or 'that its server does not say'!r}, which is not read")
    return stated


def charset_of(media_type: str) -> str | None:
    """Return the encoding that a media type names, if Python knows it."""
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset":
            encoding = value.strip("'\" ")
            try:
                b"a".decode(encoding)
            except (LookupError, ValueError):
                return None
            return encoding
    return None
