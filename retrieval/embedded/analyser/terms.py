"""The terms of a text: words by their stems, identifiers whole and in parts.

Scripts without blanks between words, such as Chinese, become pairs of characters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import regex

from retrieval.embedded.analyser.folding import folded, normalised
from retrieval.embedded.analyser.stemming import stems

WORDS, CHARACTERS = "words", "characters"
"""The fields of the index: the terms, and the single characters of scripts without blanks."""

BACKWARDS = "<"
"""Begins a term that is another one, long and random, from its end: whoever knows the end of an OCID finds it."""

_LONG_RANDOM = re.compile(r"(?=[^0-9]*[0-9])[a-z0-9]{20,}")
_SHORT_RANDOM = re.compile(r"(?=[^0-9]*[0-9])[a-z0-9]{6,}")
"""What may be the beginning or the end of one: six characters, as consoles and git shorten them, with a digit."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}々〆ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]"
_LATIN_LETTER = r"[A-Za-z0-9_\xc0-\xd6\xd8-\xf6\xf8-\u024f]"


def _joined(letter: str) -> str:
    """Return the pattern of words that are joined by signs, without a blank: `--dry-run`, `a.b_c`, `/etc/hosts`."""
    start = rf"(?:{letter}|(?<!{letter})(?<!-)(?:--?|\.)(?=(?!_){letter}))"
    return rf"{start}{letter}*(?:(?:[-./\\:@#$&+~]{{1,3}}|(?<=\d),(?=\d)){letter}+)*(?:\+\+|\#)?"


_TOKEN = regex.compile(rf"{_joined(_LETTER)}|[{_UNSPACED}]+", regex.V1)
_LATIN_TOKEN = re.compile(_joined(_LATIN_LETTER))
"""The same for texts in Latin script, for which `re` is four times as fast as `regex`."""

_OTHER_SCRIPT = re.compile("[\u0250-\u1fff\u2c00-\U0010ffff]")
_UNSPACED_RUN = regex.compile(rf"[{_UNSPACED}]+", regex.V1)
_CHARACTER = regex.compile(r"\X")
_PLAIN = regex.compile(r"[\p{L}\p{M}]+")
_SEGMENT = regex.compile(r"[/\\:@#$&+~]+")
_PART = regex.compile(r"[\p{L}\p{M}\p{N}]+")
# `getUserName`, `HTTPServer`, `IL10`, `16GB`, but not `1970s` and `20th`.
_HUMP = regex.compile(
    r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})(?!(?:st|nd|rd|th|s)\b)",
    regex.V1,
)
_MOST_HUMPS = 5
"""A part with digits that falls into more pieces is random, such as a hash: its pieces say nothing."""

_AMOUNT = re.compile(r"[0-9]+,[0-9]+|[1-9][0-9]{0,2}(?:[.,][0-9]{3})+(?:[.,][0-9]+)?")
_SEPARATOR = re.compile(r"[.,](?=[0-9]{3}(?![0-9]))")
"""`6,000`, `6.000` and `6000` are one number, and so are `0,5` and `0.5`."""

_LONGEST = 1000
"""Longer terms stand in the index by their hash. A chosen value below tantivy's limit, which is 65,530 bytes."""

_CACHED = 200_000
"""Tokens whose terms are kept. A chosen value: some 60 MB when full; a text of any length repeats most of its words."""

Terms = tuple[str, ...]
"""What stands for one word or part of an identifier: any of the terms."""


class Asked(NamedTuple):
    """One word of a query: any of `terms` in `field` stands for it, or else any term that begins with a `prefix`."""

    field: str
    terms: Terms
    prefixes: Terms = ()


def indexed_terms(text: str, stemmer: str) -> str:
    """Return the terms of `text` with blanks between them.

    >>> indexed_terms("Try --dry-run first", "english")
    'tri --dry-run dry-run dri run first'
    """
    return " ".join([_line(token, stemmer) for token in _tokens(text)])


def single_characters(text: str) -> str:
    """Return the characters of `text` in scripts without blanks, with blanks between them."""
    text = normalised(text)
    if not _OTHER_SCRIPT.search(text):
        return ""
    return " ".join(each for run in _UNSPACED_RUN.findall(text) for each in _CHARACTER.findall(run))


def queried_words(query: str, stemmers: Sequence[str]) -> list[Asked]:
    """Return the words of `query`, each with the terms that stand for it in passages with any of the stemmers."""
    found = []
    for token in _tokens(query):
        if not token.isascii() and _UNSPACED_RUN.match(token) and len(_CHARACTER.findall(token)) == 1:
            found.append(Asked(CHARACTERS, (token,)))
        # Stemmers do not change how many words a token has.
        for forms in zip(*(_words(token, stemmer) for stemmer in stemmers), strict=True):
            terms = tuple(dict.fromkeys(term for terms in forms for term in terms))
            found.append(Asked(WORDS, terms, _beginnings(terms)))
    return found


def _beginnings(terms: Terms) -> Terms:
    if len(terms) == 1 and _SHORT_RANDOM.fullmatch(terms[0]):
        return terms[0], BACKWARDS + terms[0][::-1]
    return ()


def _tokens(text: str) -> list[str]:
    text = normalised(text)
    pattern: Any = _TOKEN if _OTHER_SCRIPT.search(text) else _LATIN_TOKEN
    found: list[str] = pattern.findall(text)
    return found


@lru_cache(maxsize=_CACHED)
def _line(token: str, stemmer: str) -> str:
    terms = [term for terms in _words(token, stemmer) for term in terms]
    return " ".join((*terms, *(BACKWARDS + term[::-1] for term in terms if _LONG_RANDOM.fullmatch(term))))


def _words(token: str, stemmer: str) -> list[Terms]:
    """Return the words of one token."""
    if token.isascii() and token.isalpha() and token.islower():  # most are, and the patterns say so too, but slowly
        return [_plain(token, stemmer)]
    if _UNSPACED_RUN.match(token):
        characters = _CHARACTER.findall(token)
        return [(first + second,) for first, second in pairwise(characters)]
    if _PLAIN.fullmatch(token) and not _HUMP.search(token):
        return [_plain(token, stemmer)]
    if _AMOUNT.fullmatch(token):
        return [tuple(dict.fromkeys(each.replace(",", ".") for each in (_SEPARATOR.sub("", token), token)))]
    found: dict[str, Terms] = {}
    for part in [each for whole in _PART.findall(token) for each in (whole, *_humps(whole))]:
        found.setdefault(folded(part), _plain(part, stemmer) if _PLAIN.fullmatch(part) else _unstemmed(part))
    names = {folded(name) for name in _names(token)} - set(found) if found else ()
    return [*((_bounded(name),) for name in sorted(names)), *found.values()]


def _humps(part: str) -> list[str]:
    pieces = _HUMP.split(part)
    return pieces if len(pieces) <= _MOST_HUMPS or part.isalpha() else []


def _names(token: str) -> Iterator[str]:
    """Yield an identifier as it stands, without leading signs, and the segments of a path or address."""
    yield token
    yield token.lstrip("-.")
    yield from filter(_PART.search, _SEGMENT.split(token))


def _plain(word: str, stemmer: str) -> Terms:
    return tuple(map(_bounded, stems(word, stemmer)))


def _unstemmed(part: str) -> Terms:
    term = folded(part)
    # Error numbers are quoted with and without their zeros.
    return tuple(dict.fromkeys(map(_bounded, filter(None, (term, term.lstrip("0") if term.isdigit() else "")))))


def _bounded(term: str) -> str:
    return term if len(term) <= _LONGEST else f"#{hashlib.sha256(term.encode()).hexdigest()}"
