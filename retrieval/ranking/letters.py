"""A quick test that tells most texts apart, before their words are compared.

Texts that say the same (`retrieval.ranking.duplicates`) have the same letters and digits in the same order, apart from
those of articles and of a few misread words. To look at them takes a tenth of the time that their words take.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable
from functools import cached_property

ARTICLES = frozenset(
    ["the", "le", "la", "les", "l", "el", "los", "las", "lo", "gli", "der", "die", "das", "den", "dem", "des"]
)
"""They do not count, wherever they stand."""

_KEPT = frozenset(string.ascii_lowercase + string.digits).difference("".join(ARTICLES))
_DROPPED = dict.fromkeys(code for code in range(128) if chr(code) not in _KEPT)
_PLAIN = dict.fromkeys(map(ord, string.ascii_letters + " \n"))


class Letters:
    """The letters and digits of a text that no article has, casefolded.

    Args:
        text: the text.
        most: how many misread words texts of the same words may have. A word that is misread has one letter more, one
            less, another one, or one at another place.
    """

    def __init__(self, text: str, most: int) -> None:
        self.kept = _kept(text)
        self.most = most

    @property
    def lengths(self) -> range:
        """How many letters a text may have that says the same."""
        return range(len(self.kept) - self.most, len(self.kept) + self.most + 1)

    def may_agree_with(self, other: Letters) -> bool:
        """Return `False` only for a text that says something else."""
        return self.kept == other.kept or any(part in other.kept for part in self._parts)

    @cached_property
    def _parts(self) -> list[str]:
        # A misread word changes the letters at one or two places, so of one part more than that, one stays whole.
        count = 2 * self.most + 1
        size = len(self.kept)
        return [self.kept[at * size // count : (at + 1) * size // count] for at in range(count)]


def most_words(texts: Iterable[str]) -> int:
    """Return a number that the words of the texts, and a mark between two of them, do not exceed."""
    # A word ends at a blank, or where one of two neighbours is no letter.
    return 1 + sum(1 + text.count(" ") + text.count("\n") + 2 * len(text.translate(_PLAIN)) for text in texts)


def _kept(text: str) -> str:
    if text.isascii():
        return text.lower().translate(_DROPPED)
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(filter(str.isalnum, folded)).translate(_DROPPED)
