"""Whether what is quoted has the form of an answer to the question, so that it may count as `answered`.

The ranker tells how near sentences are to a question. A sentence can be near and say something else: that there are
more metrics, that a handler can be set, where to read on. Each rule looks for what an answer of its kind must hold. A
rule that fails makes an answer uncertain; it drops no passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.extractive.asking.attribute import speaks_of
from gateway.extractive.descriptions import family
from gateway.extractive.features import Question
from gateway.extractive.named_terms import PassageWords
from gateway.extractive.ranking import STOP_WORDS, content_terms, coverage, stem, words
from gateway.extractive.reading import Candidate
from gateway.extractive.terms.asked import folded_line, holds, typed

_ON_IT = 0.5  # weighted share of the words of a question for a default, from which on a sentence is on it; chosen
_OF_CODE = 0.75  # the same of a question for code, that a piece of code with its lead and headings has; chosen
_AFTER_LEAD = 2  # words, from which on a unit without code holds what its lead announces: one is a caption
_SHAPED = frozenset(["list", "table", "code"])
_ASKING_WORDS = "show example sample code snippet syntax command statement get want need use make do know tell please"
_ASKING = frozenset(map(stem, _ASKING_WORDS.split()))
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_REFERS = re.compile(
    r"^\W*(?:for [^.:]{1,80}? |fur [^.:]{1,80}? )?(?:please )?(?:see|refer to|siehe)\b"
    r"|^\W*(?:the|this) (?:following |next )?(?:table|section|page|chapter|document|guide|topic)s? (?:below )?"
    r"(?:summari[sz]es?|lists?|describes?|shows?|explains?)\b"
)
_CONDITION = re.compile(r"^\W*(?:(?:note that|note:?|however,?) )?(?:if|when|unless|once|in case|wenn|falls|sobald)\b")
_CONDITIONAL = re.compile(r"\b(?:if|when|unless|once|in case|wenn|falls|sobald)\b")
_WHICH = re.compile(
    r"\b(?:which|what) (?P<what>(?:[\w./-]+ ){1,5}?)"
    r"(?:is|are|was|were|do|does|did|can|could|will|would|should|may|must|has|have)\b"
)
_NEW = re.compile(r"`|\w_\w|[a-z][A-Z]|\w\.\w|\w\(|(?<!\w)--?[a-z]|(?<!\w)[/~]\w|[\"'“‘]\w|\d|^[A-Z]")
_PLACE = re.compile(
    r"[/\\~]\w|\blocat|\bstored\b|\b(?:in|at|under|inside|into|on|within|before|after) (?:[\w.\-`'\"/]+ ){0,6}?"
    r"(?:files?|director(?:y|ies)|folders?|sections?|pages?|tabs?|menus?|consoles?|tables?|views?|schemas?|buckets?"
    r"|paths?|variables?|parameters?|database|server|methods?|class|object|cursor|repositor(?:y|ies)|service|region"
    r"|cluster)\b"
)
_NAMED_PLACE = re.compile(r"\b(?:at|from|in|near|off|on|to) (?:the )?[A-Z]\w")
_INLINE_CODE = re.compile(r"`|\w_\w|[a-z][A-Z]|\w\(")
_COLUMN = re.compile(r"(?:^|; )([^:;]+): [^;\s]")
"""The name of a column in a row as the loaders of tables write it, `date: 2026-01-03; system: VPN gateway`."""

_LEFT_OUT = re.compile(r"\b(?:if|unless)\b.*", re.IGNORECASE)
_WANTS_CODE = re.compile(r"\b(?:code|snippet|syntax|command|example|sample)\b|\bshow me how\b")
_HOW_TO = re.compile(r"\bhow (?:do|can|could|should|would|must|to|does) (?:(?:i|we|you|one) )?(?P<act>[a-z]+)")


def fits(question: Question, chosen: Sequence[Candidate]) -> bool:
    """Return whether `chosen`, best first, holds what an answer to `question` must hold."""
    if not chosen:
        return False
    asked = folded_line(question.text)
    return (
        _says_something(chosen[0])
        and not _only_on_a_condition(question, asked, chosen[0])
        and _says_the_default(question, chosen)
        and (not chosen[0].item.heading_path or _fits_in_section(question, asked, chosen))
    )


def told_by_row(question: Question, best: Candidate) -> bool:
    """Return whether a row of a table holds all that is asked, some of it as the name of a column that has a value.

    The ranker has learned prose, and is not certain of `system: VPN gateway; cause: expired certificate` under the
    title `outages`, which tells what caused the outages of the VPN gateway.
    """
    if best.unit.kind != "table" or not best.terms.issuperset(question.terms):
        return False
    columns = {family(term) for column in _COLUMN.findall(best.quote) for term in content_terms(column)}
    return not columns.isdisjoint(map(family, question.terms))


def _fits_in_section(question: Question, asked: str, chosen: Sequence[Candidate]) -> bool:
    """Return whether passages of a manual hold what is asked for: there much is near to a question, and few say it."""
    return (
        _says_where(question, chosen)
        and _says_which(question, asked, chosen)
        and _has_code(question, asked, chosen)
        and _names_the_act(asked, chosen[0])
    )


def _says_something(best: Candidate) -> bool:
    """Whether the best sentence is no mere reference, and no lead of what stands in another passage."""
    if best.unit.kind == "prose" and _REFERS.match(folded_line(best.quote)):
        return False
    if best.unit.kind == "code" or not best.quote.rstrip().endswith(":"):
        return True
    return len(words(best.item.text[best.span[1] : best.unit.end])) >= _AFTER_LEAD


def _only_on_a_condition(question: Question, asked: str, best: Candidate) -> bool:
    """Whether a yes or no is asked for as such, and what is said holds under a condition that the question lacks."""
    if "yes_no" not in question.kinds or _CONDITIONAL.search(asked):
        return False
    return bool(_CONDITION.match(folded_line(best.quote)))


def _says_the_default(question: Question, chosen: Sequence[Candidate]) -> bool:
    return "default" not in question.kinds or any(says_default(question, each) for each in chosen)


def says_default(question: Question, each: Candidate) -> bool:
    """Return whether a sentence says a default of what is asked."""
    if not holds("default", each.quote, folded_line(each.quote), each.unit.kind, question.known):
        return False
    asked = content_terms(_LEFT_OUT.sub("", question.text)) or question.terms
    return coverage(asked, each.terms, question.weights, question.unseen) >= _ON_IT


def _says_where(question: Question, chosen: Sequence[Candidate]) -> bool:
    return "where" not in question.kinds or any(
        _NAMED_PLACE.search(each.quote) or _PLACE.search(folded_line(each.quote)) for each in chosen
    )


def _says_which(question: Question, asked: str, chosen: Sequence[Candidate]) -> bool:
    """Whether a sentence that speaks of the thing that "which" asks for names one, or a list, table or code of it does.

    Dates, numbers, persons and places are looked for elsewhere.
    """
    found = _WHICH.search(asked)
    said = words(found["what"]) if found else []
    if not said or typed(question.kinds) or "default" in question.kinds:
        return True
    return any(_names_one(question, stem(said[-1]), each) for each in chosen)


def _names_one(question: Question, noun: str, each: Candidate) -> bool:
    if each.unit.kind in _SHAPED:
        return speaks_of(PassageWords.of(*each.item.heading_path[-1:], each.unit.text), noun)
    new = any(_NEW.search(word) and not question.known.issuperset(words(word)) for word in each.quote.split()[1:])
    return new and speaks_of(PassageWords.of(each.quote), noun)


def _has_code(question: Question, asked: str, chosen: Sequence[Candidate]) -> bool:
    """Whether code is among what is quoted that is about the question, and not about its subject only."""
    return not _WANTS_CODE.search(asked) or any(
        each.unit.kind == "code" and _covered(question, each) >= _OF_CODE for each in chosen
    )


def _covered(question: Question, each: Candidate) -> float:
    """Return the weighted share of the words of a question, without those that only ask, that a unit has."""
    said = _words_of(each)
    wanted = {term: question.weights.get(term, question.unseen) for term in question.terms if term not in _ASKING}
    return sum(weight for term, weight in wanted.items() if speaks_of(said, term)) / (sum(wanted.values()) or 1.0)


def _names_the_act(asked: str, best: Candidate) -> bool:
    """Whether prose for "how do I …" has that verb, or code. Code and lists show how it is done in other words."""
    found = _HOW_TO.search(asked)
    if (
        not found
        or best.unit.kind != "prose"
        or _INLINE_CODE.search(best.quote)
        or found["act"] in STOP_WORDS
        or stem(found["act"]) in _ASKING
    ):
        return True
    return speaks_of(_words_of(best), stem(found["act"]))


def _words_of(each: Candidate) -> PassageWords:
    """Return the words of a unit and of what it stands under, names of code taken apart too."""
    parts: Iterable[str] = _PARTS.findall(each.unit.text)
    return PassageWords.of(each.item.title, *each.item.heading_path, each.unit.text, " ".join(parts))
