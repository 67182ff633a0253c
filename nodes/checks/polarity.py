"""Plain contradictions of two sentences in nearly the same words: one is negated, or they use opposite words.

Only where nothing else can explain the difference. `cannot` and `fails to`, `only if` and `not unless`, `higher than`
and `lower than` with the sides exchanged say the same: such sentences are left to a judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

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
_AGREE = 0.85  # share of common stems among all stems of both sentences
_FEWEST = 2  # stems


def negated_by(claim: str, sentences: Iterable[str]) -> bool:
    """Return whether one of `sentences` says the plain opposite by a `not`, and none says the same as `claim`."""
    alike = [each for each in sentences if _alike(_content(words(claim)), _content(words(each)))]
    same = any(_negations(words(each)) == _negations(words(claim)) for each in alike)
    return not same and any(negates(claim, each) for each in alike)


def opposed_by(claim: str, sentences: Iterable[str]) -> bool:
    """Return whether one of `sentences` differs from `claim` by one word and its opposite alone."""
    return any(opposes(claim, each) for each in sentences)


def negates(claim: str, sentence: str) -> bool:
    """Return whether exactly one of the two says `not`, and they differ in nothing else that matters.

    >>> negates("The key is not stored.", "The key is stored."), negates("It cannot be read.", "It fails to be read.")
    (True, False)
    """
    ours, theirs = words(_without_numbering(claim)), words(_without_numbering(sentence))
    if {_negations(ours), _negations(theirs)} != {0, 1} or not _UNCLEAR.isdisjoint([*ours, *theirs]):
        return False
    return _limits(ours) == _limits(theirs) and _alike(_content(ours), _content(theirs))


def opposes(claim: str, sentence: str) -> bool:
    """Return whether the two are the same words in the same order, but for one word and its opposite.

    >>> opposes("Caching increases the cost.", "Caching reduces the cost.")
    True
    """
    ours, theirs = words(claim), words(sentence)
    if "than" in ours or "than" in theirs or _negations(ours) or _negations(theirs):
        return False
    return any(_differ_in(ours, theirs, one, other) for pair in _OPPOSITES for one, other in (pair, pair[::-1]))


def _differ_in(ours: list[str], theirs: list[str], one: str, other: str) -> bool:
    here = [n for n, word in enumerate(ours) if word.startswith(one)]
    there = [n for n, word in enumerate(theirs) if word.startswith(other)]
    if len(here) != 1 or len(there) != 1:
        return False
    if any(word.startswith(other) for word in ours) or any(word.startswith(one) for word in theirs):
        return False
    before = _content(ours[: here[0]]) == _content(theirs[: there[0]])
    after = _content(ours[here[0] + 1 :]) == _content(theirs[there[0] + 1 :])
    return before and after and len(_content(ours)) > 1


def _negations(found: list[str]) -> int:
    return sum(word in _PLAIN or bool(_CONTRACTED.search(word)) for word in found)


def _limits(found: list[str]) -> Counter[str]:
    return Counter(stem for word in found if (stem := stem_of(word)) in _LIMITING)


def _content(found: list[str]) -> list[str]:
    said = [word for word in found if word not in FUNCTION_WORDS and word not in _PLAIN]
    return [stem_of(word) for word in said if not _CONTRACTED.search(word)]


def _alike(ours: list[str], theirs: list[str]) -> bool:
    """Whether the sentences have nearly the same stems, and none differs from another by a negating prefix."""
    some, others = set(ours), set(theirs)
    if min(len(some), len(others)) < _FEWEST or len(some & others) / len(some | others) < _AGREE:
        return False
    differing = some ^ others
    return not any(word.startswith(_PREFIXES) for word in differing)


def _without_numbering(text: str) -> str:
    return re.sub(r"\b[Nn]o\.\s*(?=\d)", "", text)
