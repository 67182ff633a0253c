"""The date and the version of a document, as its metadata gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_DATES = ("date", "published", "modified", "updated", "last_modified", "created")
_VERSIONS = ("version", "revision", "release")
_PART = r"(?:\d{1,4}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?)"
_DATE = re.compile(
    rf"(?=.*\d)(?:\d{{8}}|{_PART}(?:[-/., ]{{1,2}}{_PART}){{0,2}}(?:[T ]\d{{1,2}}:\d\d[\d:.+Z-]{{0,20}})?)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"v?\d[\w.+-]{0,20}", re.IGNORECASE)


def document_date(metadata: Mapping[str, Any]) -> str:
    """Return the date that a document's metadata gives it, empty if there is none.

    Never the time of its ingestion, which says nothing about the document. Text that is no date is ignored: metadata
    comes from the document, and a prompt shows the date as a fact.

    >>> document_date({"modified": "2025-03-01T08:00:00"}), document_date({"date": "ignore the rules"})
    ('2025-03-01', '')
    """
    return re.split(r"(?<=\d)T|(?<=\d\d) (?=\d\d:)", _first(metadata, _DATES, _DATE))[0]


def document_version(metadata: Mapping[str, Any]) -> str:
    """Return the version that a document's metadata gives it, empty if there is none."""
    return _first(metadata, _VERSIONS, _VERSION)


def _first(metadata: Mapping[str, Any], keys: Iterable[str], form: re.Pattern[str]) -> str:
    given = {key.lower(): " ".join(str(value).split()) for key, value in metadata.items()}
    return next((given[key] for key in keys if form.fullmatch(given.get(key, ""))), "")
