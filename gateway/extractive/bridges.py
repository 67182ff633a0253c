"""The second hop of a question: names in the first passages that make the rest of the question askable.

"Where was the founder of the harbour museum born?" needs two searches: the first finds who founded the museum, the
second asks for that person. A bridge is a name in a passage about what the question names that the question itself
does not contain. It is the better, the more it is related as the question says: beside words of the question ("founded
by Jane Roe") or beside the converse of one ("daughter of", if the question asks for a mother). Nothing is embedded.

The weights are chosen values. A logistic regression over the same features, trained on half of the dev questions of
2WikiMultiHopQA and tested on the other half, named the second document as often among the best four (0.70); cosines of
the encoder added 0.02.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.extractive.descriptions import CONVERSE, family, following, has_hop
from gateway.extractive.named_terms import Name, PassageWords, names
from gateway.extractive.ranking import STOP_WORDS, words
from state.evidence_block import EvidenceItem
from state.sentences import sentences

_BEFORE = 5  # words before a name in which a relation is looked for: "directed and produced by"
_AFTER = 3  # words after it: "Ann Roe founded"
_MOST = 4  # bridges of one sub-question: more questions find more documents, and dilute what is read
_ANCHORS = 3  # names of one question whose passages are read
_ABOUT, _RELATED, _CONVERSE, _BY, _SEVERAL_WORDS, _SECOND_SENTENCE, _EARLY = 1.0, 1.5, 0.8, 1.2, 1.5, 0.5, 0.4

_TOKEN = re.compile(r"[^\W_]+(?:[.'’\-&/][^\W_]+)*\.?|[^\w\s]")
_SMALL_WORDS = "a al an bin d da de del den der des di du el et ibn la le of on the und van von y"
_INSIDE_NAMES = frozenset(_SMALL_WORDS.split())
_AGENTS = frozenset(("by", "durch", "par", "von"))
_DATE_WORDS = """
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
"""
_CALENDAR = frozenset(_DATE_WORDS.split())
_POSSESSIVE = re.compile(r"['’]s?$")
_ASK = "Ask next: "
_NEXT = re.compile(r"(?<=\?)\s+")
_MEASURE = re.compile(
    r"\b(?:how (?:big|deep|fast|far|heavy|high|large|late|long|old|quickly|soon|tall|wide)"
    r"|wie (?:alt|groß|hoch|lange?|weit))\b",
    re.IGNORECASE,
)
"""Words that ask for a measure: an answer has a number instead of them."""


@dataclass(frozen=True)
class Bridge:
    """A name that makes a question askable, the sentence in which it stands, and that question."""

    name: str
    alias: str
    sentence: str
    asks: str
    score: float


def bridges(question: str, items: Sequence[EvidenceItem], most: int) -> tuple[Bridge, ...]:
    """Return at most `most` bridges out of `items` (best first): the best, one of each passage in turn.

    None if `question` describes nothing by its relation to something else, if the passages about what it names contain
    all of its words (then there is no second hop), or if no passage speaks of one of its names (then nothing answers).
    """
    named = names(question)
    anchors = _anchors(named, items)
    if not all(any(name.stands_in(_words_of(item)) for item in items) for name in named):
        return ()
    if not has_hop(question, named) or not any(_leaves_open(question, named, item) for item, _, _ in anchors):
        return ()
    found = [_of_passage(question, named, *anchor) for anchor in anchors]
    chosen: dict[str, Bridge] = {}
    for position in range(max(map(len, found), default=0)):
        for each in found:
            if position < len(each):
                chosen.setdefault(_key(each[position].name), each[position])
    return tuple(chosen.values())[:most]


def open_hops(fields: Mapping[str, Any], items: Sequence[EvidenceItem]) -> dict[str, str]:
    """Return what to ask next for each sub-question of this round that has a second hop, by its id.

    Empty if no round is left. `fields` are those of the analyzer's prompt, `items` its passages, best first.
    """
    if int(fields.get("rounds_left") or 0) < 1:
        return {}
    return {key: wanted(found) for key, found in _asked_of(fields, items)}


def _asked_of(fields: Mapping[str, Any], items: Sequence[EvidenceItem]) -> Iterator[tuple[str, tuple[Bridge, ...]]]:
    """Yield the sub-questions of this round that have a second hop."""
    for each in fields.get("sub_questions") or []:
        if each.get("round", 1) == fields.get("round", 1):
            own = [item for item in items if each["id"] in item.sub_questions]
            if found := bridges(str(each["text"]), own or items, _MOST):
                yield str(each["id"]), found


def wanted(asked: Sequence[Bridge]) -> str:
    """Return what a gap says of the questions that `asked` make askable. `next_questions` reads it.

    >>> wanted([Bridge("Jane Roe", "E1", "Jane Roe founded it.", "Where was Jane Roe born?", 1.0)])
    'Ask next: Where was Jane Roe born?'
    """
    return _ASK + " ".join(each.asks for each in asked)


def next_questions(missing: str) -> list[str]:
    """Return the questions that `wanted` wrote; none if `missing` are other words."""
    return [text for text in _NEXT.split(missing.removeprefix(_ASK)) if text] if missing.startswith(_ASK) else []


def _anchors(named: Sequence[Name], items: Sequence[EvidenceItem]) -> list[tuple[EvidenceItem, Name | None, bool]]:
    """Return the passages that speak of what the question names, each with the name and whether it is the title."""
    chosen: dict[str, tuple[EvidenceItem, Name | None, bool]] = {}
    for name in named[:_ANCHORS]:
        titled = [item for item in items if is_titled(item, name)]
        mentioned = titled or [item for item in items if name.stands_in(_words_of(item))]
        for item in mentioned[:1]:
            chosen.setdefault(item.alias, (item, name, bool(titled)))
    return list(chosen.values()) or [(item, None, False) for item in items[:1]]


def _words_of(item: EvidenceItem) -> PassageWords:
    return PassageWords.of(item.title, *item.heading_path, item.text)


def is_titled(item: EvidenceItem, name: Name) -> bool:
    """Return whether the title is the name, give or take a parenthesis: `Jaws` and `Jaws (1975 film)`."""
    bare = re.sub(r"\([^()]*\)", " ", item.title)
    return name.stands_in(PassageWords.of(item.title)) and len(words(bare)) <= len(name.core) + 2


def _leaves_open(question: str, named: Sequence[Name], item: EvidenceItem) -> bool:
    said = {family(word) for word in words(f"{item.title} {item.text}")}
    return any(family(word) not in said for word in relations(question, named))


def relations(question: str, named: Sequence[Name]) -> list[str]:
    """Return the content words of `question` outside its names."""
    for name in named:
        question = question.replace(name.text, " ", 1)
    return [word for word in words(_MEASURE.sub(" ", question)) if word not in STOP_WORDS]


def _of_passage(
    question: str, named: Sequence[Name], item: EvidenceItem, about: Name | None, titled: bool
) -> list[Bridge]:
    """Return the bridges of one passage, best first and each name once."""
    known, related = frozenset(words(question)), relations(question, named)
    best: dict[str, Bridge] = {}
    for number, order, sentence, (start, end) in _mentioned(item):
        name = _POSSESSIVE.sub("", sentence[start:end].strip(" .,'’"))
        if not _tells(name, known) or (start == 0 and len(words(name)) == 1):
            continue  # a single word at the start of a sentence is capitalised anyway
        near = (words(sentence[:start])[-_BEFORE:], words(sentence[end:])[:_AFTER])
        score = _ABOUT * titled + _SECOND_SENTENCE * (number == 1) + _EARLY / (1 + order)
        score += _SEVERAL_WORDS * (len(words(name)) > 1) + _relatedness(related, *near)
        asks = following(question, about, name, sentence)
        if asks and (_key(name) not in best or score > best[_key(name)].score):
            best[_key(name)] = Bridge(name, item.alias, sentence, asks, score)
    return sorted(best.values(), key=lambda each: -each.score)


def _relatedness(related: Sequence[str], before: Sequence[str], after: Sequence[str]) -> float:
    families = {family(word) for word in related if len(word) > 3}
    said = {family(word) for word in before if len(word) > 3}
    converse = any(group.intersection(related) and group.intersection((*before, *after)) for group in CONVERSE)
    return _RELATED * bool(families & said) + _CONVERSE * converse + _BY * bool(_AGENTS.intersection(before[-1:]))


def _mentioned(item: EvidenceItem) -> Iterator[tuple[int, int, str, tuple[int, int]]]:
    """Yield the names of a passage: the number of the sentence and of the name, the sentence, and the name's span."""
    order = 0
    prose = (item.text[start:end] for start, end in sentences(item.text))
    for number, sentence in enumerate(line for line in prose if _key(line) != _key(item.title)):
        for span in _capitalised(sentence):
            yield number, order, sentence, span
            order += 1


def _capitalised(sentence: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of capitalised words, with the small words between them."""
    tokens = list(_TOKEN.finditer(sentence))
    position = 0
    while position < len(tokens):
        if not _is_capitalised(tokens[position][0]):
            position += 1
            continue
        start = end = position
        while position < len(tokens) and position - end <= 3:
            if _is_capitalised(tokens[position][0]) or (tokens[position][0].isdigit() and position == end + 1):
                end = position
                # An abbreviation goes on ("D. W. Griffith"); any other full stop ends the sentence before.
                if tokens[position][0].endswith(".") and len(tokens[position][0]) > 3:
                    break
            elif tokens[position][0].lower() not in _INSIDE_NAMES:
                break
            position += 1
        yield tokens[start].start(), tokens[end].end()
        position = end + 1


def _is_capitalised(word: str) -> bool:
    return any(char.isupper() for char in word) and word.lower().rstrip(".") not in STOP_WORDS


def _tells(name: str, known: frozenset[str]) -> bool:
    """Return whether `name` says more than the question does, and more than a date."""
    said = [word for word in words(name) if word not in STOP_WORDS and word not in _INSIDE_NAMES]
    return not known.issuperset(said) and not all(word in _CALENDAR or word.isdigit() for word in said)


def _key(text: str) -> str:
    return " ".join(words(text))
