"""Finds what a cassette names by words: the passage of a handle, and the claim of a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from state.citation_marks import neutralised

_WORDS = re.compile(r"\w+")


def loose(text: str) -> str:
    """Return `text` as handles and quotes are compared with it: marks neutralised, white space as single spaces."""
    return " ".join(neutralised(text).split())


def plain(text: str) -> str:
    """Return the words of `text` alone. Beginnings of claims are compared so: emphasis and punctuation do not matter.

    >>> plain("**Command R+** costs `0.0156` dollars.")
    'command r costs 0 0156 dollars'
    """
    return " ".join(_WORDS.findall(text.casefold()))


def holders(words: str, texts: Mapping[str, str]) -> list[str]:
    """Return the keys of the `texts` that contain `words`."""
    wanted = loose(words)
    return [key for key, text in texts.items() if wanted in loose(text)]


def begun_by(text: str, beginnings: Iterable[str]) -> str | None:
    """Return the longest of `beginnings` with which `text` begins; `None` if there is none."""
    whole = plain(text)
    found = [beginning for beginning in beginnings if whole.startswith(plain(beginning)) and plain(beginning)]
    return max(found, key=lambda beginning: len(plain(beginning)), default=None)
