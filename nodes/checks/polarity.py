"""Plain contradictions of two sentences in nearly the same words: one is negated, or they use opposite words.

Only where nothing else can explain the difference. `cannot` and `fails to`, `only if` and `not unless`, `higher than`
and `lower than` with the sides exchanged say the same: such sentences are left to a judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from nodes.checks.words import FUNCTION_WORDS, stem_of, words

_PLAIN_WORDS = """
    not no never cannot none neither nor nobody nothing nowhere
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())
_CONTRACTED = re.compile(r"n't$")
# Words that turn a negation into something else ("not only", "no longer"): beside them nothing is decided.
_UNCLEAR_WORDS = """
    only but rather instead just merely necessarily yet longer either whether doubt
"""
_UNCLEAR = frozenset(_UNCLEAR_WORDS.split())
# Words that negate or limit by themselves: decided only if both sentences use the same ones. As stems.
_LIMITING_WORDS = """
    unless until except withou than if when whenev hardly barely scarce rarely seldom almost nearly lack lackin
    fail fails failed failin unable imposs refuse preven avoid avoide deny denies denied exclud forbid prohib stop
    stoppe unlike must should may might could would false wrong untrue myth claim claime any all every each some
    always both
"""
_LIMITING = frozenset(_LIMITING_WORDS.split())
# Words that say when, or under which condition, something holds: where two sentences differ in them, both may be true.
_CONDITION_WORDS = """
    before after until till since on off with without under over above below during while when whenever if unless once
    from between within now then was were had will would
"""
_CONDITIONS = frozenset(_CONDITION_WORDS.split())
_PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "mis")
_OPPOSITES = (
    ("increas", "decreas"), ("increas", "reduc"), ("rais", "lower"), ("higher", "lower"), ("high", "low"),
    ("more", "less"), ("more", "fewer"), ("larger", "smaller"), ("before", "after"), ("above", "below"),
    ("improv", "worsen"), ("positive", "negative"), ("activat", "inhibit"), ("promot", "inhibit"),
    ("promot", "prevent"), ("enhanc", "impair"), ("gain", "loss"), ("open", "clos"), ("allow", "refus"),
    ("allow", "forbid"), ("accept", "reject"), ("first", "last"), ("minimum", "maximum"), ("always", "never"),
    ("enabl", "disabl"), ("includ", "exclud"), ("faster", "slower"), ("cheaper", "dearer"), ("required", "optional"),
    ("public", "private"), ("encrypt", "decrypt"), ("start", "stop"), ("internal", "external"), ("best", "worst"),
)  # fmt: skip
OPPOSITES_OF = {
    word: tuple(sorted({*(b for a, b in _OPPOSITES if a == word), *(a for a, b in _OPPOSITES if b == word)}))
    for pair in _OPPOSITES
    for word in pair
}
"""The opposites of each word that has any, all as beginnings of words."""

KEPT_SENTENCES = 4096
"""Sentences that are kept as they are compared. A chosen value: more than a draft's passages have."""

_AGREE = 0.85  # share of common stems among all stems of both sentences
_FEWEST = 2  # stems


@dataclass(frozen=True)
class Said:
    """A sentence as it is compared: its words, the stems of those that say something, how often it says `not`."""

    words: tuple[str, ...]
    content: tuple[str, ...]
    negations: int

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems, each once."""
        return frozenset(self.content)


@lru_cache(KEPT_SENTENCES)
def said(sentence: str) -> Said:
    """Return `sentence` as it is compared. The claims of a draft cite the same sentences again and again."""
    found = words(sentence)
    return Said(tuple(found), tuple(_content(found)), _negations(found))


def negated_by(claim: str, sentences: Sequence[str]) -> bool:
    """Return whether one of `sentences` says the plain opposite by a `not`, and none says the same as `claim`."""
    ours = said(claim)
    alike = [each for each in sentences if _alike(ours.stems, said(each).stems)]
    same = any(said(each).negations == ours.negations for each in alike)
    return not same and any(negates(claim, each) for each in alike)


def opposed_by(claim: str, sentences: Sequence[str]) -> bool:
    """Return whether one of `sentences` differs from `claim` by one word and its opposite, and none says the same.

    >>> opposed_by("Caching increases the cost.", ["Caching reduces the cost."])
    True
    """
    ours = said(claim)
    if _compares(ours) or len(ours.content) < _FEWEST:
        return False
    around = _around(claim)
    sought = {(before, after, other) for (before, after, one) in around for other in OPPOSITES_OF[one]}
    opposed = bool(sought) and any(
        _opposes(ours.words, said(each).words, found[2]) for each in sentences for found in sought & _around(each)
    )
    return opposed and not any(_says_so(ours, {one for _, _, one in around}, said(each)) for each in sentences)


def negates(claim: str, sentence: str) -> bool:
    """Return whether exactly one of the two says `not`, and they differ in nothing else that matters.

    >>> negates("The key is not stored.", "The key is stored."), negates("It cannot be read.", "It fails to be read.")
    (True, False)
    """
    ours, theirs = said(_without_numbering(claim)), said(_without_numbering(sentence))
    if {ours.negations, theirs.negations} != {0, 1} or not _UNCLEAR.isdisjoint([*ours.words, *theirs.words]):
        return False
    if conditions(claim) != conditions(sentence) or any(map(_numbered, ours.stems ^ theirs.stems)):
        return False
    return _limits(ours.words) == _limits(theirs.words) and _alike(ours.stems, theirs.stems)


def conditions(sentence: str) -> frozenset[str]:
    """Return the words of time and condition in `sentence`.

    >>> sorted(conditions("Since May, keys are valid while the lease is on."))
    ['on', 'since', 'while']
    """
    return _CONDITIONS.intersection(said(sentence).words)


def limits(sentence: str) -> Counter[str]:
    """Return the words that negate or limit `sentence` by themselves, as stems.

    >>> sorted(limits("All calls fail unless they are retried."))
    ['all', 'fail', 'unless']
    """
    return _limits(said(sentence).words)


@lru_cache(KEPT_SENTENCES)
def _around(sentence: str) -> frozenset[tuple[tuple[str, ...], tuple[str, ...], str]]:
    """Return for each word that has an opposite and stands once: the stems before it, those after it, and the word."""
    read = said(sentence)
    if _compares(read):
        return frozenset()
    found = set()
    for one in OPPOSITES_OF:
        here = [at for at, word in enumerate(read.words) if word.startswith(one)]
        if len(here) == 1:
            before, after = read.words[: here[0]], read.words[here[0] + 1 :]
            found.add((tuple(_content(before, _CONDITIONS)), tuple(_content(after, _CONDITIONS)), one))
    return frozenset(found)


def _compares(read: Said) -> bool:
    """Whether it compares or negates: then an opposite word may say the same."""
    return "than" in read.words or read.negations > 0


def _opposes(ours: Sequence[str], theirs: Sequence[str], other: str) -> bool:
    """Whether for one opposite of `other` neither sentence has the word of the other one."""
    return not any(word.startswith(other) for word in ours) and any(
        any(word.startswith(one) for word in ours) and not any(word.startswith(one) for word in theirs)
        for one in OPPOSITES_OF[other]
    )


def _says_so(ours: Said, sides: set[str], theirs: Said) -> bool:
    """Whether `theirs` has nearly the stems of a claim, and each of its words that have an opposite: `sides`."""
    held = all(any(word.startswith(one) for word in theirs.words) for one in sides)
    return held and ours.negations == theirs.negations and _alike(ours.stems, theirs.stems)


def _numbered(stem: str) -> bool:
    return any(map(str.isdigit, stem))


def _negations(found: Sequence[str]) -> int:
    return sum(word in _PLAIN or bool(_CONTRACTED.search(word)) for word in found)


def _limits(found: Sequence[str]) -> Counter[str]:
    return Counter(stem for word in found if (stem := stem_of(word)) in _LIMITING)


def _content(found: Sequence[str], also: frozenset[str] = frozenset()) -> list[str]:
    kept = (word for word in found if word in also or (word not in FUNCTION_WORDS and word not in _PLAIN))
    return [stem_of(word) for word in kept if not _CONTRACTED.search(word)]


def _alike(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether the sentences have nearly the same stems, and none differs from another by a negating prefix."""
    if min(len(some), len(others)) < _FEWEST or len(some & others) / len(some | others) < _AGREE:
        return False
    differing = some ^ others
    return not any(word.startswith(_PREFIXES) for word in differing)


def _without_numbering(text: str) -> str:
    return re.sub(r"\b[Nn]o\.\s*(?=\d)", "", text)
