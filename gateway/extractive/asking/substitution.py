"""A follow-up that is only a new phrase ("And for children?", "What about Como?"): it takes the place of its like."""

from __future__ import annotations

import re

from gateway.extractive.asking.phrases import Phrase, phrases
from gateway.extractive.asking.verbs import DETERMINERS, PREPOSITIONS
from gateway.extractive.named_terms import names
from gateway.extractive.ranking import fold

_LEAD = re.compile(
    r"^\W*(?:(?:and|but|or|so|then|und|aber|et|mais)\s+)*(?:(?:what about|how about|was ist mit|wie ist es mit)\b)?\s*",
    re.IGNORECASE,
)
_FOREIGN_WORDS = """
    bei für in mit von zu avec chez dans de en pour sur
"""
_FOREIGN = frozenset(_FOREIGN_WORDS.split())
_ARTICLES_WORDS = """
    der die das den dem ein eine einen einem le la les l un une des du
"""
_ARTICLES = frozenset(_ARTICLES_WORDS.split())
_WORD = re.compile(r"\w[\w'’\-./]*")
_ENDS = " ?.!"


def substituted(question: str, before: str) -> str:
    """Return the question `before` about what `question` names instead; empty if `question` is more than a phrase.

    >>> substituted("And Lake Como?", "How deep is Lake Garda?")
    'How deep is Lake Como?'
    """
    lead = _LEAD.match(question)
    rest = question[lead.end() if lead else 0 :].strip(_ENDS)
    preposition, phrase = _phrase(rest)
    if not phrase or not lead or not lead[0].strip():
        return ""
    place = _place(preposition, phrase, before)
    if place is not None:
        start, end = place
        return f"{before[:start]}{_fitted(phrase, before, start)}{before[end:]}"
    added = f"{preposition} {phrase}" if preposition else f"({phrase})"
    return f"{before.rstrip(_ENDS)} {added}{before[len(before.rstrip(_ENDS)) :] or '?'}"


def _phrase(rest: str) -> tuple[str, str]:
    """Return the preposition and the phrase of which `rest` consists; nothing if it has a verb or another phrase."""
    first, _, others = rest.partition(" ")
    preposition = first if fold(first) in PREPOSITIONS | {fold(word) for word in _FOREIGN} and others else ""
    phrase = others.strip() if preposition else rest
    said = [fold(word) for word in _WORD.findall(phrase)]
    while said and said[0] in DETERMINERS | _ARTICLES:
        said.pop(0)
    bare = phrase.strip("`\"'“”")
    found = phrases(f"with {bare}")
    whole = len(found) == 1 and len(_WORD.findall(found[0].text)) == len(said)
    return (preposition, phrase) if said and (whole or (len(said) == 1 and _content(said[0]))) else ("", "")


def _content(word: str) -> bool:
    return bool(phrases(word)) and len(word) > 2


def _place(preposition: str, phrase: str, before: str) -> tuple[int, int] | None:
    """Return the span of `before` that `phrase` replaces: after the same preposition, of the same noun or kind."""
    known = phrases(before)
    new = phrase.strip("`\"'“”")
    if preposition:
        same = [each for each in known if each.before == fold(preposition)]
        if same:
            return _span(before, same[-1], phrase)
    found = phrases(f"with {new}")
    headed = [each for each in known if found and " " in found[0].text and each.head == found[0].head]
    if headed:
        return _span(before, headed[-1], phrase)
    named = [(start, start + len(name.text)) for name in names(before) if (start := before.find(name.text)) >= 0]
    is_name = any(char.isupper() for char in new)
    if is_name and named and not (preposition and len(named) > 1):
        return named[-1]
    shaped = [each for each in known if _shape(each.text.split()[-1]) == _shape(new.split()[-1]) != ""]
    if shaped:
        start = before.rfind(shaped[-1].text.split()[-1])
        return start, start + len(shaped[-1].text.split()[-1])
    return _like(preposition, phrase, known, before)


def _like(preposition: str, phrase: str, known: list[Phrase], before: str) -> tuple[int, int] | None:
    found = phrases(f"with {phrase}")
    head = found[0].head if found else fold(phrase.split()[-1])
    same = [each for each in known if each.head == head]
    if same:
        return _span(before, same[-1], phrase)
    if preposition:
        bare = len(phrase.split()) == 1 and not phrase.endswith("s")
        # "the default of pagelength", "and for linewidth": words without an article name settings and the like.
        of = re.search(r"\bof ([a-z]\w+)\W*$", before)
        return (of.start(1), of.end(1)) if bare and of else None
    if any(map(str.isupper, phrase)):
        return None
    plural = head.endswith("s")
    alike = [each for each in known if each.tells and not each.asked and each.plural == plural] or [
        each for each in known if each.tells and not each.asked
    ]
    return _span(before, alike[-1], phrase) if alike else None


def _shape(word: str) -> str:
    """Return what marks an identifier: an underscore, a dot or a digit inside."""
    return next((sign for sign in ("_", ".", "-") if sign in word), "digit" if any(map(str.isdigit, word)) else "")


def _span(before: str, known: Phrase, phrase: str) -> tuple[int, int]:
    """Return the span of a phrase, with its article if the new one brings its own."""
    own = fold(phrase.split()[0]) in DETERMINERS | _ARTICLES or phrase[0].isupper()
    article = re.search(r"\b(?:a|an|the|all|every|each|any|our|my|your)\s+$", before[: known.start], re.IGNORECASE)
    return (article.start() if own and article else known.start), known.end


def _fitted(phrase: str, before: str, start: int) -> str:
    """Return `phrase` without an article that stands in `before` already."""
    first, _, rest = phrase.partition(" ")
    if before[:start].endswith("`"):
        return phrase.strip("`")
    double = re.search(r"\b(?:a|an|the)\s+$", before[:start], re.IGNORECASE)
    return rest if double and rest and fold(first) in DETERMINERS | _ARTICLES else phrase
