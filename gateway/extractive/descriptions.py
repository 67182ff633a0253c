"""Descriptions in a question ("the founder of the harbour museum"), and the question that asks on with a name instead.

Patterns over English words; the words for relations are English, German and French.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gateway.extractive.named_terms import Name
from gateway.extractive.ranking import STOP_WORDS, words

CONVERSE = tuple(
    frozenset(group.split())
    for group in (
        """father mother parent parents son daughter child children born grandfather grandmother grandson granddaughter
        vater mutter eltern sohn tochter kind grossvater grossmutter pere mere fils fille enfant""",
        "wife husband spouse married marry marriage widow consort ehefrau ehemann verheiratet epouse mari marie",
        "author writer wrote written writes novel book play autor autorin schrieb auteur ecrit ecrivit",
        "performer singer artist band sang sung recorded album song single sanger chanteur",
        "grunder grunderin gegrundet grundete grundung",
        "leiter leiterin leitet leitete geleitet",
        "erfinder erfinderin erfand erfunden erfindung",
    )
)
"""Words of which one stands in a question and another in its answer ("Who is her father?", "the daughter of"),
folded."""

_FAMILY = 5  # letters that related words share: "director", "directed"; a chosen value
_NEAR = 48  # characters between a relation and the name it describes; a chosen value
_PLAIN = frozenset(("date", "day", "kind", "name", "number", "type", "year"))
_MARK = "\0"
_WORD = re.compile(r"[\w'’\-]+")
_LOOSE = re.compile(r"(?:\s+(?:of|the|a|an))+$", re.IGNORECASE)
_OF = "of|from|by|in|that|which|who|whose|where|containing|named|called|for|des|der|von|vom|de|du|del|della"
_DEFINITE = re.compile(
    # "the founder of the \0", "the company that published \0", "the country \0 is from"
    rf"\b(?:the|der|die|das|des|dem|den|le|la|les|du)\s+(?:[\w-]+\s+){{1,3}}?(?:(?:{_OF})\s+(?:[\w-]+\s+){{0,3}})?\0"
    # "which is the age of \0's owner", and a side of a comparison: "\0: which film has the director who …"
    r"|\0:.*\bthe\s+(?!same\b|first\b|last\b|most\b|other\b)\w+"
    # "director of film \0"
    r"|\b[\w-]+\s+of\s+(?:[\w-]+\s+){0,2}\0",
    re.IGNORECASE,
)
_ITSELF = re.compile(
    # "what is the price of \0 per month": what is asked for is the description itself, and a sentence on \0 says it.
    r"\W*(?:what|which|who|how\s+\w+)\s+(?:is|are|was|were)\s+the\s+"
    r"(?:(?!of\b|the\b)[\w-]+\s+){0,2}(?!of\b)[\w-]+(?:\s+of\s+(?!the\b|an?\b)[\w-]+)?\s+(?:of|for|in|at)\s+"
    r"(?:(?:the|an?)\s+)?(?:(?!of\b|by\b|that\b|the\b)[\w-]+\s+){0,2}\0(?!['’]s)"
    r"(?!.*\b(?:that|where|which|who|whom|whose)\b)[^:]*$",
    re.IGNORECASE,
)
_HOW_TO = re.compile(
    r"\s*(?:how (?:do|can|could|should|to|would)\b|wie (?:kann|mache|kündige|bekomme)\b|comment\b)", re.IGNORECASE
)
_POSSESSIVE = re.compile(r"\0['’]s?\s+\w|\w['’]s\s+\w")
_RELATIVE = re.compile(r"^\W*\w+\W+\w+\b.*\b(?:that|which|who|whom|whose)\b", re.IGNORECASE)
_COMPOSITE = re.compile(
    r"\b(?:grand|step|great-?)(?:father|mother|son|daughter|parent)s?\b|[\s-]in[\s-]law\b", re.IGNORECASE
)
_GRAND = re.compile(r"\b(?:(?:paternal|maternal)\s+)?grand(?=(?:father|mother|son|daughter|parent)s?\b)", re.IGNORECASE)
_IN_LAW = re.compile(r"[\s-]in[\s-]law\b", re.IGNORECASE)
_NOUN_FOLLOWS = re.compile(r"\b(?:of|by|the|a|an|in|from)\s$", re.IGNORECASE)
_LEAD = re.compile(
    r"(?:\b(?:the|a|an)\s+(?:[\w-]+\s+){1,3})?\b(?:that|which|who)\s+(?:(?:is|was|were|has|have|had)\s+)?$"
    r"|(?:\b(?:the|a|an|der|die|das|den|dem)\s+)$",
    re.IGNORECASE,
)


def family(word: str) -> str:
    """Return what `word` shares with related words: its first letters.

    >>> family("director") == family("directed")
    True
    """
    return word[:_FAMILY]


def has_hop(question: str, named: Sequence[Name]) -> bool:
    """Return whether `question` asks something of a thing that it describes instead of naming it.

    It then has a description, and at least two content words outside its names: a relation, and what is asked.
    """
    text = question
    for name in named:
        text = text.replace(name.text, _possessed(name), 1)
    if _COMPOSITE.search(text):
        return True
    if _ITSELF.match(text) or (_HOW_TO.match(text) and not _RELATIVE.search(text)):
        return False
    described = _POSSESSIVE.search(text) or _RELATIVE.search(text) or _DEFINITE.search(text)
    return len(_content(text)) > 1 and bool(described)


def following(question: str, about: Name | None, name: str, sentence: str) -> str:
    """Return `question` with `name` for the description of something by `about` that `sentence` resolves.

    Empty if nothing is left to ask.

    >>> from gateway.extractive.named_terms import names
    >>> asked = "Where was the founder of the Harbour Museum born?"
    >>> following(asked, names(asked)[0], "Jane Roe", "The Harbour Museum was founded by Jane Roe.")
    'Where was Jane Roe born?'
    """
    name = name.replace("?", " ").strip()
    text = question.replace(about.text, _possessed(about), 1) if about else question
    start, end = _description(text, words(sentence))
    rest = f"{text[:start]} {text[end:]}"
    if not _content(rest):
        return ""
    if start == end:
        rest = _GRAND.sub("", _IN_LAW.sub("", rest))
        rest = _tidy(rest).lstrip(" :,")
        return f"{name}: {rest[:1].lower()}{rest[1:]}"
    return _tidy(f"{text[:start]}{name}{text[end:]}")


def _possessed(name: Name) -> str:
    """Return the mark for a name, with the possessive that its text may end with."""
    return f"{_MARK}'s" if re.search(r"['’]s?$", name.text) else _MARK


def _content(text: str) -> list[str]:
    return [word for word in words(text) if word not in STOP_WORDS and word not in _PLAIN]


def _description(text: str, sentence: Collection[str]) -> tuple[int, int]:
    """Return the span of the description around the mark, from or to the words that `sentence` says too."""
    mark = text.find(_MARK)
    if mark < 0:
        return 0, 0
    closed = [match for match in _WORD.finditer(text) if _closes(match[0], sentence)]
    after = [match for match in closed if mark < match.start() and match.end() <= mark + _NEAR]
    if text[mark + 1 : mark + 2] in ("'", "’"):
        return (mark, after[0].end()) if after else (0, 0)
    start = _start([match for match in closed if mark - _NEAR <= match.start() < mark], text, mark)
    if start is None:
        return 0, 0
    lead = _LEAD.search(text[:start])
    return (lead.start() if lead else start), mark + 1


def _start(closed: Sequence[re.Match[str]], text: str, mark: int) -> int | None:
    """Return where the relation before the mark starts: `director of film X` at `director`, and `film X` nowhere.

    A noun right before a name says what kind of thing it is, and describes nothing by it.
    """
    start: int | None = None
    until = mark
    for match in reversed(closed):
        between = words(text[match.end() : until])
        if match.end() + 1 >= mark and _NOUN_FOLLOWS.search(text[: match.start()]):
            until = match.start()
            continue
        if start is not None and any(word not in STOP_WORDS for word in between):
            break
        start = until = match.start()
    return start


def _closes(word: str, sentence: Collection[str]) -> bool:
    """Return whether `word` or one of its family or its converse stands in `sentence`."""
    folded = "".join(words(word))
    if len(folded) < 4 or folded in STOP_WORDS or _COMPOSITE.fullmatch(folded):
        return False
    converse = any(folded in group and not group.isdisjoint(sentence) for group in CONVERSE)
    return converse or family(folded) in {family(each) for each in sentence}


def _tidy(text: str) -> str:
    line = " ".join(re.sub(rf"{_MARK}(?:['’]s?\b)?", " ", text).split())
    line = _LOOSE.sub("", line.rstrip(" ?.,"))
    return re.sub(r"\s+(?=[,?])", "", f"{line}?")
