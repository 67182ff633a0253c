"""Web and mail addresses in a text: a claim may name only those that stand in its quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DOMAINS = (
    "com|org|net|edu|gov|mil|int|io|ai|dev|app|info|biz|co|me|eu|uk|de|fr|it|es|nl|ch|at|pl|ru|cn|jp|in|br|us|ca|au|xyz"
    "|site|online|top|link|click|shop|cloud|tech"
)
_ADDRESS = re.compile(
    r"\b(?:https?|ftp|file|javascript|data|vbscript|mailto)\s?:\s?(?://)?[^\s<>\"'\])}⟦⟧]+"
    r"|\bwww\.[^\s<>\"'\])}]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|\b(?:[a-z0-9-]+\.)+(?:{_DOMAINS})\b(?:/[^\s<>\"'\])}}]*)?",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"^(?:https?://|mailto:)?(?:www\.)?", re.IGNORECASE)
_TEXT = re.compile(r"^data\s?:\s(?!text)|^(?:data|file)\s?:\s", re.IGNORECASE)


def addresses(text: str) -> list[str]:
    """Return the addresses that stand in `text`, without the punctuation after them.

    >>> addresses("See https://docs.example.com/a, or write to me@example.org.")
    ['https://docs.example.com/a', 'me@example.org']
    """
    found = (match[0].rstrip(".,;:!?)*_") for match in _ADDRESS.finditer(text))
    return list(dict.fromkeys(address for address in found if not _TEXT.match(address)))


def same_address(one: str, other: str) -> bool:
    """Return whether the two are one address, but for scheme, `www.`, case and a final slash."""
    return _bare(one) == _bare(other)


def foreign_addresses(claim: str, texts: Iterable[str]) -> list[str]:
    """Return the addresses of `claim` that stand in none of `texts`; a host alone stands where
    an address of it does.
    """
    known = [_bare(address) for text in texts for address in addresses(text)]
    return [each for each in addresses(claim) if not any(_stands(_bare(each), other) for other in known)]


def _stands(address: str, known: str) -> bool:
    host = known.partition("/")[0]
    return address in (known, host, host.rpartition("@")[2])


def _bare(address: str) -> str:
    return _SCHEME.sub("", address).rstrip("/").casefold()
