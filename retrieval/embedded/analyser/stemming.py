"""Stemming with tantivy's stemmers: Latin script by the language of the passage, other scripts by themselves."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

from retrieval.embedded.analyser.folding import folded

DEFAULT = "english"
"""The stemmer of passages whose language cannot be told (code, tables, a few words) or has another script: the Latin
words among them are mostly English."""

NONE = "none"
"""Stands for languages in Latin script without a stemmer."""

_LATIN = {
    "Danish": "danish",
    "Dutch": "dutch",
    "English": "english",
    "Finnish": "finnish",
    "French": "french",
    "German": "german",
    "Hungarian": "hungarian",
    "Italian": "italian",
    "Norwegian": "norwegian",
    "Polish": NONE,
    "Portuguese": "portuguese",
    "Romanian": "romanian",
    "Spanish": "spanish",
    "Swedish": "swedish",
    "Turkish": "turkish",
}
_SCRIPTS = (
    ("\u0370", "\u03ff", "greek"),
    ("\u0400", "\u052f", "russian"),
    ("\u0600", "\u06ff", "arabic"),
    ("\u0b80", "\u0bff", "tamil"),
)
_ARTICLE = re.compile("^(?:[وفبك]?ال|لل)(?=...)")
"""The stemmer takes other endings off a word that has the article than off one that has none."""

_LAST_LATIN = "\u024f"
_CACHED = 200_000
"""Words whose stems are kept. A chosen value: some 40 MB when full; a text of any length repeats most of its words."""


def stemmer_for(language: str) -> str:
    """Return the stemmer for Latin words in a passage in `language`, an English name or empty."""
    return _LATIN.get(language, DEFAULT)


@lru_cache(maxsize=_CACHED)
def stems(word: str, stemmer: str) -> tuple[str, ...]:
    """Return the terms of one word: its stem with accents folded, and more where spelling without accents differs.

    >>> stems("nationalité", "french")
    ('national', 'nationalit')
    """
    lower, bare = word.casefold(), folded(word)
    if lower > _LAST_LATIN:
        stemmer = next((name for first, last, name in _SCRIPTS if first <= lower[0] <= last), NONE)
    # Endings may have accents (`nationalité`), so the word is stemmed as it is; whoever leaves the accents out gets
    # another stem, which is a term of its own.
    spelled = {lower: None, bare: None}
    if stemmer == "arabic":
        spelled[_ARTICLE.sub("", bare)] = None
    found = (folded(_stem(each, stemmer)) for each in spelled)
    return tuple(dict.fromkeys(filter(None, found)))


def _stem(word: str, stemmer: str) -> str:
    return word if stemmer == NONE else (_analyser(stemmer).analyze(word) or [word])[0]


@cache
def _analyser(stemmer: str) -> Any:
    return TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer(stemmer)).build()
