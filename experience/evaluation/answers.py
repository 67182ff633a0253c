"""Whether a text contains an answer, compared as SQuAD does: without case, punctuation and articles."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence

from state.sentences import sentences

LONG = 10
"""An answer of more words is a long one, of which not every word need be there. A chosen value: the short answers of
public sets are names, dates and numbers."""

LONG_SHARE = 0.6
"""The share of a long answer's words that must stand in a text which contains it. A chosen value."""

_VERDICTS = ("yes", "no")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
# A dash separates words here, where SQuAD's own script joins them: `1901-02` and `1901–02` must be equal.
_PUNCTUATION = {ord(char): None for char in f"{string.punctuation}“”‘’«»„…"} | {ord(char): " " for char in "-–—‐‑‒"}


def normalised(text: str) -> str:
    """Return the words of `text` without case, punctuation and articles, separated by single spaces.

    >>> normalised("The St. Mary's  School, 1901–02")
    'st marys school 1901 02'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_ARTICLES.sub(" ", folded.translate(_PUNCTUATION)).split())


def contains(text: str, answers: Sequence[str]) -> bool:
    """Return whether one of `answers` stands in `text`.

    A short one stands there as a run of words, a long one if enough of its words do, and a bare yes or no if the text
    begins with it.
    """
    words = normalised(text)
    return any(_stands(words, answer) for each in answers if (answer := normalised(each)))


def token_recall(text: str, answers: Sequence[str]) -> float:
    """Return the share of an answer's different words that stand in `text`, for the answer with the highest share.

    >>> token_recall("Paris is in France.", ["the city of Paris"])
    0.3333333333333333
    """
    present = set(normalised(text).split())
    shares = [len(words & present) / len(words) for each in answers if (words := set(normalised(each).split()))]
    return max(shares, default=0.0)


def opening(text: str, count: int = 2) -> str:
    """Return the first sentences of `text`."""
    return " ".join(text[start:end] for start, end in sentences(text)[:count])


def _stands(words: str, answer: str) -> bool:
    wanted = answer.split()
    if answer in _VERDICTS:  # "no" stands in many texts that do not say no
        return words.partition(" ")[0] == answer
    if len(wanted) <= LONG:
        return f" {answer} " in f" {words} "
    different = set(wanted)
    return len(different & set(words.split())) >= LONG_SHARE * len(different)
