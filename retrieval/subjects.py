"""What a passage is about, beside its own words: the title of its document, or the opening words of one without title.

A title that is a number, a hash or the name of a file says nothing. In the vector it takes the place of words, and the
passages of two documents that are worded alike, such as the tables of two reports, cannot be told apart.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

OPENING = 500
"""Characters of a document's opening. A chosen value: a form names its subject and its date below its own heading, and
as many characters again are left of what the local model reads of a passage."""

_HEXADECIMAL = re.compile(r"[0-9a-f]{8,}|[0-9a-f]{4,}(-[0-9a-f]{4,})+", re.IGNORECASE)
_GENERIC = frozenset(
    [
        # What programs call a document, in several languages, and the endings of file names.
        *("untitled", "unnamed", "unbenannt", "unknown", "none", "null", "document", "dokument", "doc", "docx"),
        *("file", "scan", "img", "image", "page", "copy", "new", "microsoft", "word", "powerpoint", "presentation"),
        *("tmp", "temp", "pdf", "txt", "text", "htm", "html", "xhtml", "xml", "json", "jsonl", "csv", "tsv", "xls"),
        *("xlsx", "ppt", "pptx", "rtf", "odt", "eml", "epub", "ohne", "titel", "sans", "titre", "sin", "titulo"),
        *("título", "senza", "titolo"),
    ]
)


def subject_of(title: str, text: str, *, first: bool) -> str:
    """Return what is embedded and indexed with a passage of a document, in place of its title.

    The first passage keeps a title that says nothing: who searches for it finds the document.

    >>> subject_of("Rate tiers", "The standard tier allows 600 requests.", first=False)
    'Rate tiers'
    >>> subject_of("0001234567-23-000089", "Quarterly report of Alder Robotics\\n\\nNet sales rose.", first=False)
    'Quarterly report of Alder Robotics Net sales rose.'
    """
    if first or says_something(title):
        return title
    opening = " ".join(text[: 2 * OPENING + len(title)].removeprefix(title).split())
    return opening if len(opening) <= OPENING else opening[:OPENING].rsplit(" ", 1)[0]


def says_something(title: str) -> bool:
    """Return whether a title has a word, other than what programs call a document.

    >>> [says_something(each) for each in ("Rate tiers", "Q3-report.pdf", "料金", "scan_0001.pdf", "d41d8cd98f00b204")]
    [True, True, True, False, False]
    """
    if _HEXADECIMAL.fullmatch(title.strip()):
        return False
    parts, word = _patterns()
    words = [part.casefold() for part in parts.findall(title) if word.fullmatch(part)]
    return any(word not in _GENERIC for word in words)


@cache
def _patterns() -> tuple[regex.Pattern[str], regex.Pattern[str]]:
    """Return the patterns of the parts of a title, and of those that are words."""
    import regex  # here: who only names a corpus does not wait for it

    return (
        regex.compile(r"[\p{L}\p{M}\p{N}]+"),
        regex.compile(r"[\p{L}\p{M}]{3,}|[\p{L}\p{M}]*(?!\p{Latin})\p{L}[\p{L}\p{M}]*"),
    )
