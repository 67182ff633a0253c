"""Passages that say the same: equal ones, and near-duplicates that differ in nothing that matters.

Two passages are one hit if they have the same words in the same order. Case, punctuation, markup, line breaks and
definite articles do not count, nor does one wrong letter inside a long word. Nothing else is forgiven: a number, a
date, a negation or a name makes another text. The similarity of shingles, which MinHash estimates, cannot tell: of the
pairs in `tests/retrieval/search/near.toml`, those that differ in such a word are up to 0.85 alike (three words a
shingle), and those that say the same go down to 0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache, cached_property
from operator import ne
from typing import TYPE_CHECKING

from retrieval.ranking.letters import ARTICLES, Letters, most_words
from state.values import Passage, Place

if TYPE_CHECKING:
    import regex

_ASCII_TOKEN = re.compile(r"[0-9]+(?:[.,:/][0-9]+)*|[A-Za-z0-9]+|[$+<=>|~%?]|(?<![\w-])-(?=[0-9])", re.ASCII)
_ASCII_DROPPED = re.compile(r"(?<=[A-Za-z])-[ \t]*\n[ \t]*(?=[A-Za-z])|[|=+~]{3,}|\|")
"""Words, and what is left out between them, of texts in ASCII, for which `re` is three times as fast as `regex`."""

_LONG_WORD = 6
"""Letters of a word in which one may be misread. A chosen value: short ones become others (`now`, `not`)."""

_MISREAD = 0.02
"""The largest share of misread words. A chosen value: text recognition that is worse needs to be read by a person."""

_FEW = 8
"""Words that are compared first. A chosen value."""

_SPEAKS = 30
"""Words of a passage that is understood without its headings. A chosen value; a shorter one (`Run the installer.`) is
the same only under the same headings."""


Words = tuple[str, ...]


@dataclass
class Group:
    """Passages that say the same; the first one, which ranked best, stands for them. `number` counts the groups."""

    first: Passage
    number: int
    others: list[Passage] = field(default_factory=list)

    @cached_property
    def letters(self) -> Letters:
        """What tells the first passage from most others."""
        most = _most_misread(most_words((self.first.text, *self.first.heading_path)))
        return Letters(self.first.text, most)

    @cached_property
    def words(self) -> Words:
        """The words of the first passage."""
        return words_of(self.first)

    @cached_property
    def key(self) -> Words:
        """The words of the first passage, casefolded."""
        return _key(self.first)

    def is_misread(self, other: Group) -> bool:
        """Return whether a few words of the one are those of the other, misread."""
        if len(self.key) != len(other.key) or not _few_differ(self.key, other.key, _most_misread(len(self.key))):
            return False
        return _misread(self.words, other.words)

    def passage(self, copies: Iterable[Passage] = ()) -> Passage:
        """Return the first passage with the places of the others, and of further `copies`, each once."""
        places = {each.evidence_id: _place(each) for each in (*self.others, *copies)}
        return self.first.model_copy(update={"also_in": tuple(places.values())}) if places else self.first


class Groups:
    """Sorts passages into groups, in the order in which they are added."""

    def __init__(self) -> None:
        self.found: list[Group] = []
        self._by_length: dict[int, list[Group]] = {}

    def add(self, passage: Passage) -> None:
        """Put a passage into its group, or begin one."""
        new = Group(passage, len(self.found))
        group = self._same(new)
        if group is not None:
            group.others.append(passage)
            return
        self.found.append(new)
        self._by_length.setdefault(len(new.letters.kept), []).append(new)

    def _same(self, new: Group) -> Group | None:
        letters, near = new.letters, list[Group]()
        for length in letters.lengths:
            near += [each for each in self._by_length.get(length, ()) if letters.may_agree_with(each.letters)]
        # Most passages are near to no other, so that their words are seldom needed.
        near.sort(key=lambda each: each.number)
        same = next((each for each in near if each.key == new.key), None)
        return same or next((each for each in near if new.is_misread(each)), None)


def _few_differ(first: Words, second: Words, most: int) -> bool:
    """Return whether two texts of one length differ in at most `most` words."""
    # Of two texts, the first words nearly always tell.
    return bool(sum(map(ne, first[:_FEW], second[:_FEW])) <= most and sum(map(ne, first, second)) <= most)


def _key(passage: Passage) -> Words:
    """Return `words_of` a passage, casefolded."""
    if passage.kind in ("code", "table") or not passage.text.isascii():
        return tuple(word.casefold() for word in words_of(passage))
    folded = _said(passage.text.lower())
    return folded if len(folded) >= _SPEAKS else tuple(word.casefold() for word in words_of(passage))


def words_of(passage: Passage) -> Words:
    """Return what a passage says: its words without what does not count, with the headings of a short one.

    In code and tables, every sign and every cell counts.
    """
    words = tuple(passage.text.split()) if passage.kind in ("code", "table") else _words(passage.text)
    if len(words) >= _SPEAKS:
        return words
    return (*words, "", *_words("\n".join(passage.heading_path)))


def _words(text: str) -> Words:
    if text.isascii():
        return _said(text)
    # NFC, not NFKC, which makes `102` of `10²`. Accents stay: `año` and `ano` are two words.
    token, dropped = _patterns()
    found = token.findall(dropped.sub("", unicodedata.normalize("NFC", text)))
    return tuple(word for word in found if word.casefold() not in ARTICLES)


def _said(text: str) -> Words:
    found = _ASCII_TOKEN.findall(_ASCII_DROPPED.sub("", text))
    return tuple([word for word in found if word.lower() not in ARTICLES])


def _most_misread(count: int) -> int:
    return max(1, int(_MISREAD * count)) if count >= _SPEAKS else 0


def _misread(first: Words, second: Words) -> bool:
    """Return whether a few long words differ by one letter each, and nothing else does."""
    most, differing = _most_misread(len(first)), 0
    for one, other in zip(first, second, strict=True):
        if one.casefold() != other.casefold():
            differing += 1
            if differing > most or not _one_letter(one, other):
                return False
    return True


def _one_letter(one: str, other: str) -> bool:
    """Return whether a letter inside a long word is another one, missing or doubled, or two are swapped.

    The first three letters and the last one have to agree: they carry prefixes such as `un` and endings.
    """
    if min(len(one), len(other)) < _LONG_WORD or one[:3] != other[:3] or one[-1] != other[-1]:
        return False
    if not (one.isalpha() and other.isalpha() and one.islower() and other.islower()):
        return False  # names differ by one letter: `Hansen`, `Hanson`
    changes = [each for each in SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if each[0] != "equal"]
    touched = max(sum(each[2] - each[1] for each in changes), sum(each[4] - each[3] for each in changes))
    swapped = len(changes) == 2 and sorted(one) == sorted(other)
    return touched <= 1 and (len(changes) == 1 or swapped)


def _place(passage: Passage) -> Place:
    return Place(**{name: getattr(passage, name) for name in Place.model_fields})


@cache
def _patterns() -> tuple[regex.Pattern[str], regex.Pattern[str]]:
    """Return the pattern of a token, and that of hyphens at line ends, soft hyphens and what draws tables."""
    import regex  # here: who only names a corpus does not wait for it

    token = regex.compile(
        r"\p{N}+(?:[.,:/]\p{N}+)*|[\p{L}\p{M}\p{N}]+"
        # Signs that matter: of currencies, of mathematics, ticks and crosses, percent, minus, question marks.
        r"|[\p{Sc}\p{Sm}\p{So}%‰?]|(?<![\w-])-(?=\p{N})"
    )
    return token, regex.compile(r"(?<=\p{L})-[ \t]*\n[ \t]*(?=\p{L})|\u00AD|[|=+~]{3,}|\|")
