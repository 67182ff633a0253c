"""Web and mail addresses in a text: those that a client may turn into a link, and those that a browser runs.

Every place that finds or compares addresses uses this module: what one finder misses, a document could get published.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

_TOP_LEVEL = (
    "com net org info biz edu gov mil int io dev app xyz top site online shop store club link click live life world "
    "cloud tech page news blog email support zip mov ru cn tk ly gg gl me tv cc uk de fr jp eu us ch at nl in br"
)
_HOST = rf"(?:[^\W_][\w-]*+(?<=\w)\.)+(?:{'|'.join(_TOP_LEVEL.split())})"
_REST = r"[^\s<>\"`|\\^{}。，、；：！？）」』】]"
# Nothing here is tried from within a run of letters that it has read already: the time grows with the length alone.
_ADDRESS = re.compile(
    rf"(?P<url>(?:[a-z][a-z0-9+.-]{{0,30}}://|(?<![a-z0-9])(?:www\.|(?:mailto|xmpp|javascript|vbscript|data|file):))"
    rf"{_REST}+)"
    r"|(?<![\w.+-])(?P<mail>[\w.+-]++@[\w-]++(?:\.[\w-]+)+)"
    rf"|(?:(?<![\w.@/-])|(?<=[.@/])(?=-))-*+(?P<bare>{_HOST}(?![\w-]|\.\w)(?:[:/?#]{_REST}*)?)",
    re.IGNORECASE,
)
_TRAILING = "?!.,:;*_~'’”\""
_SAFE = re.compile(r"(?:https?://[\w.-]+|mailto:[\w.+-]+@)[\w\-.~:/?#@!$&*+,;=%]*\Z", re.IGNORECASE)


@lru_cache(256)  # passages: the claims of a draft cite the same ones again and again
def addresses_in(text: str) -> frozenset[str]:
    """Return the addresses that stand in `text`, in the form that `address_key` gives them."""
    return frozenset(address_key(text[start:end]) for start, end in address_spans(text))


def address_spans(text: str) -> list[tuple[int, int]]:
    """Return where the addresses of `text` begin and end, without the punctuation after them."""
    if not any(mark in text for mark in ".:@"):
        return []
    spans = ((found.start(found.lastgroup or 0), found.end()) for found in _ADDRESS.finditer(text))
    return [(start, start + len(_trimmed(text[start:end]))) for start, end in spans]


def address_key(address: str) -> str:
    """Return what two spellings of one address share: no scheme or `www.`, the host in lower case, no slash at the end.

    >>> address_key("https://Docs.example.com/Limits/") == address_key("docs.example.com/Limits")
    True
    """
    rest = re.sub(r"\A(?:https?://|mailto:)?(?:www\.)?", "", address.strip(), flags=re.IGNORECASE)
    rest = rest.replace("%28", "(").replace("%29", ")")
    host, slash, path = rest.partition("/")
    return f"{host.lower()}{slash}{path}".rstrip("/")


def is_safe(address: str) -> bool:
    """Whether `address` is a plain web or mail address: nothing that a browser runs, nothing that ends a link early."""
    return bool(_SAFE.match(address)) and bool(urlsplit(address).netloc or address[:7].lower() == "mailto:")


def _trimmed(address: str) -> str:
    """Return `address` without what belongs to the sentence: punctuation, and a bracket that opens before it."""
    end = len(address)
    open_brackets = {closing: address.count(opening) for opening, closing in ("()", "[]")}
    closed = {closing: address.count(closing) for closing in open_brackets}
    while end:
        last = address[end - 1]
        unbalanced = last in closed and closed[last] > open_brackets[last]
        if last not in _TRAILING and not unbalanced:
            break
        if unbalanced:
            closed[last] -= 1
        end -= 1
    return address[:end]
