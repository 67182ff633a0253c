"""Completes a follow-up question from the conversation: "Can it be disabled?", "And for children?", "Why?".

Three ways: what a pronoun may stand for is inserted after it, so that a reader sees how it was understood; a new phrase
takes the place of its like in the question before; a bare question word is asked of the question before. English
patterns; German and French where the words are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.extractive.asking.attribute import MEASURES
from gateway.extractive.asking.phrases import Phrase, phrases
from gateway.extractive.asking.substitution import substituted
from gateway.extractive.asking.verbs import AUXILIARIES, PREPOSITIONS
from gateway.extractive.named_terms import names
from gateway.extractive.ranking import STOP_WORDS, content_terms, fold, stem
from state.sentences import sentences

_MOST = 2  # phrases that a pronoun may stand for; more would search for something else; a chosen value
_WORDS = re.compile(r"\w[\w'’\-]*")
_REFERENCE = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there"
    r"|each one|the two|both(?=\s*[?.!])|then(?=\s*[?.!]*\s*$)"
    r"|(?:the|of) (?:former|latter|same)|(?:both|each|neither|either|one|which|any|all|some) of (?:them|those|these)"
    r"|(?-i:er|sie|es|ihn|ihm|ihre?[nmrs]?|sein[ems]?|diese[nmrs]?|davon|dafür|damit|dabei|das(?=\s*[?.!])|dann(?=\s*[?.!]*\s*$))"
    r"|(?-i:elles?|cela|ça|ces? derniers?|celles?-ci|ceux-ci|celui-ci|sa|ses|leurs?))(?![\w-])",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:]|\b(?:and|but|or|if|when|because|und|aber|oder|wenn|et|mais|ou|si)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"^\s*(?:(?:and|but|so|then|und|aber|et|mais)\b|how so|really)\W*", re.IGNORECASE)
_BARE = re.compile(
    r"^\W*(?:(?:and|but|so|und|et|mais)\s+)?(?P<word>why(?: not)?|how(?: so| long| much| many| often)?"
    r"|when|where|since when|who|(?:by|for|with) whom|warum|wie|wann|wo|seit wann"
    r"|pourquoi|comment|quand|où|combien)\s*[?.!]*\s*$",
    re.IGNORECASE,
)
_YES_NO = re.compile(rf"^(?:{'|'.join(sorted(AUXILIARIES))})\b", re.IGNORECASE)
_EXPLETIVE = re.compile(
    r"\b(?:it\s+(?:takes?\b|(?:be\s+)?(?:possible|necessary|required|safe|better|best|allowed|advisable|recommended"
    r"|enough|worth|true|common|normal)\b)|(?:is|are|was|were|be)\s+there\b|there\s+(?:is|are|was|were|be)\b)",
    re.IGNORECASE,
)
_THIS_BODY_WORDS = """
    book chapter collection corpus document documentation documents file files guide handbook manual manuals
    page text
"""
_THIS_BODY = frozenset(_THIS_BODY_WORDS.split())
_PERSONS = frozenset(["he", "him", "his", "she", "her", "hers"])
_PLURALS = frozenset(["they", "them", "their", "theirs", "these", "those"])
_SINGULARS = frozenset(["it", "its", "this", "that"])
_POSSESSIVES_WORDS = """
    its their his her sein seine ihr ihre ses sa leur leurs
"""
_POSSESSIVES = frozenset(_POSSESSIVES_WORDS.split())
_OWN_SUBJECT = re.compile(
    r"\b(?:do|does|did|is|are|was|were|can)\s+(?!it\b|they\b|that\b|this\b)(?:(?:the|an?)\s+)?\w{4,}\s+\w",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\bthe other(?: one| ones)?\b(?!\s+\w*[a-z]{3,})", re.IGNORECASE)
_PLACES_WORDS = """
    at from in inside into near on onto to
"""
_PLACES = frozenset(_PLACES_WORDS.split())
_INSERTED = re.compile(r"\(([^()]+)\)")

History = Sequence[Mapping[str, str]]


def resolve(question: str, history: History) -> str:
    """Return `question`, complete without the turns before it, oldest first.

    >>> resolve("How large is it?", [{"question": "What is Lake Garda?", "answer": ""}])
    'How large is it (Lake Garda)?'
    >>> resolve("And for children?", [{"question": "What does a ticket cost?", "answer": ""}])
    'What does a ticket cost for children?'
    """
    turns: list[tuple[str, str]] = []
    for turn in history:
        asked = " ".join(str(turn.get("question", "")).split())
        turns.append((_resolved(asked, turns), str(turn.get("answer", ""))))
    return _resolved(question, turns)


def _resolved(question: str, turns: Sequence[tuple[str, str]]) -> str:
    before = next((asked for asked, _ in reversed(turns) if phrases(asked)), "")
    if not turns:
        return question
    question = _other(question, turns)
    if before:
        if bare := _BARE.match(question):
            return _asked_of(bare["word"], before)
        if replaced := substituted(question, before):
            return replaced
    reference = _reference(question)
    if reference is None and not _elliptical(question) and not _says_the_thing(question):
        return _specified(question, before)
    topics = _topics(question, reference, turns)
    if not topics:
        return question
    told = f" ({', '.join(topics)})"
    if reference is None:
        return f"{question.rstrip(' ?.!')}{told}?"
    at = _after(question, reference)
    return f"{question[:at]}{told}{question[at:] or '?'}"


def _asked_of(word: str, before: str) -> str:
    """Return the question that a bare question word asks of the question `before`."""
    word = word[:1].upper() + word[1:]
    if _YES_NO.match(before):
        return f"{word} {before[:1].lower()}{before[1:]}"
    found = list(_WORDS.finditer(before))
    unwanted = STOP_WORDS | frozenset(("welche", "welcher", "welches", "quel", "quelle", "est"))
    first = next((match.start() for match in found if fold(match[0]) not in unwanted), 0)
    return f"{word} ({before[first:].rstrip(' ?.!')})?"


def _elliptical(question: str) -> bool:
    """Return whether a question without a pronoun goes on from the one before it, or names next to nothing."""
    if _GOES_ON.match(question):
        return True
    found = [word for word in _WORDS.findall(question) if fold(word) not in STOP_WORDS]
    return len(found) <= 1 and not _OWN_SUBJECT.search(question)


def _says_the_thing(question: str) -> bool:
    """Return whether all that a question names is a general word with an article: "Can I change the number?"."""
    found = phrases(question)
    return bool(found) and all(each.determined and not each.tells for each in found)


def _reference(question: str) -> re.Match[str] | None:
    """Return the first pronoun of `question` that stands for something outside of it."""
    for found in _REFERENCE.finditer(question):
        if not (_means_nothing(question, found) or _within(question, found)):
            return found
    return None


def _means_nothing(question: str, found: re.Match[str]) -> bool:
    """Return whether a word that looks like a pronoun is none: `it is possible`, `the clocks that strike`."""
    word = found[0].casefold()
    if word == "there" and _EXPLETIVE.search(question):
        return True
    if word in ("it", "there") and phrases(question):
        near = _EXPLETIVE.search(question, max(0, found.start() - 8))
        if near is not None and near.start() <= found.start() < near.end():
            return True
    before = _WORDS.findall(question[: found.start()])
    last = fold(before[-1]) if before else ""
    after = _WORDS.findall(question[found.end() :])
    if word in ("this", "these", "that", "those") and after and fold(after[0]) in _THIS_BODY:
        return True
    leads = AUXILIARIES | PREPOSITIONS | frozenset(("and", "but", "do", "doing", "or", "not"))
    return word == "that" and bool(before) and last not in leads and bool(after) and not _is_object(question, found)


def _is_object(question: str, found: re.Match[str]) -> bool:
    """Return whether `that` ends its clause, as in `Can I change that?`."""
    return not question[found.end() :].strip(" ?.!,")


def _within(question: str, found: re.Match[str]) -> bool:
    """Return whether a pronoun may stand for something that the question itself says before it.

    In one clause, only a possessive may: "How does Vault protect its keys?", but "Which Python does it support?".
    """
    word = found[0].casefold()
    earlier = [each for each in phrases(question[: found.start()]) if each.tells and _agrees(word, each)]
    if not earlier:
        return False
    between = question[earlier[-1].end : found.start()]
    possessive = word in _POSSESSIVES and not _is_object(question, found)
    return (
        possessive
        or any(_CLAUSE.search(question[each.end : found.start()]) for each in earlier)
        or (bool(_CLAUSE.search(between)))
    )


def _agrees(word: str, phrase: Phrase) -> bool:
    if word in _PERSONS:
        return phrase.is_name
    if word in _PLURALS:
        return phrase.plural or phrase.is_name
    return not (word in _SINGULARS and phrase.plural and not phrase.is_name)


def _after(question: str, reference: re.Match[str]) -> int:
    """Return where to insert what a pronoun stands for: after it, or after the noun that follows `this`."""
    if reference[0].casefold() in ("this", "that", "these", "those"):
        noun = next((each for each in phrases(question) if each.start == reference.end() + 1), None)
        if noun is not None:
            return noun.end
    return reference.end()


def _topics(question: str, reference: re.Match[str] | None, turns: Sequence[tuple[str, str]]) -> list[str]:
    """Return what the reference may stand for: phrases of the last question that has some, or of an answer."""
    word = reference[0].casefold() if reference is not None else ""
    if word in _PERSONS and turns[-1][0].casefold().startswith(("who", "whose", "by whom")):
        known = turns[-1][0].casefold()
        told = [name.text for name in names(_opening(turns[-1][1])) if name.text.casefold() not in known]
        if told:
            return told[:1]
    for asked, answer in reversed(turns):
        found = _candidates(asked)
        if not found and (named := names(_opening(answer))):
            return [re.sub(r"^(?:The|An?)\s+", "", named[0].text)]
        if found:
            return _new(question, _chosen(word, found))
    return []


def _candidates(asked: str) -> list[Phrase]:
    """Return the phrases of a question, first what was inserted into it; general words for want of others."""
    found = phrases(asked)
    named = [name.text for name in names(asked)]
    spans = [each.span() for each in _INSERTED.finditer(asked) if not any(each[0] in text for text in named)]
    inserted = [Phrase(part, *span) for span in spans for part in asked[span[0] + 1 : span[1] - 1].split(", ")]
    outside = [each for each in found if each.tells and not any(start <= each.start < end for start, end in spans)]
    return [_measured(each) for each in [*inserted, *outside] or found]


def _chosen(word: str, found: Sequence[Phrase]) -> list[str]:
    """Return the phrases that a pronoun may stand for, at most as many as a search bears."""
    if "former" in word or "latter" in word:
        return [found[-2:][0 if "former" in word else -1].text]
    if word == "there":
        found = [each for each in found if each.before in _PLACES] or found
    if word in _SINGULARS:
        found = [_singular(each) for each in found]
    fitting = [each for each in found if _agrees(word, each)]
    if word in _PLURALS:
        fitting = [each for each in fitting if each.plural] or (list(found) if len(found) == _MOST else fitting)
    # What is asked for ("which port does it listen on") comes after what is spoken of.
    spoken = sorted(fitting or found, key=lambda each: each.asked)[-_MOST:]
    return [each.text for each in (spoken if fitting else found[:_MOST])]


def _measured(phrase: Phrase) -> Phrase:
    """Return the name of what is measured: of `price of Tariff B`, `Tariff B`, for a next question is about that."""
    owner = re.search(r"\bof (?:the )?(?=\w*[A-Z0-9])(.+)$", phrase.text)
    return replace(phrase, text=owner[1]) if owner and phrase.head in MEASURES else phrase


def _singular(phrase: Phrase) -> Phrase:
    """Return what a plural belongs to: of `keys of the house`, `house`."""
    owner = re.search(r"\bof (?:(?:a|an|the|my|our|your) )?(.+)$", phrase.text)
    return replace(phrase, text=owner[1]) if owner and phrase.plural else phrase


def _new(question: str, topics: Sequence[str]) -> list[str]:
    return [each for each in dict.fromkeys(topics) if each.casefold() not in question.casefold()]


def _specified(question: str, before: str) -> str:
    """Return `question` with what the question before said of the same thing: "the limit", of what it is the limit."""
    for each in phrases(question):
        article = re.search(r"\b(?:the|this|that|der|die|das|le|la)\s+$", question[: each.start], re.IGNORECASE)
        if not article or each.is_name or " " in each.text:
            continue
        for known in phrases(before):
            said = content_terms(known.text)
            if stem(each.head) in said and len(said) > 1 and not (names(question)):
                return f"{question[: each.end]} ({known.text}){question[each.end :]}"
    return question


def _other(question: str, turns: Sequence[tuple[str, str]]) -> str:
    """Return `question` with the other thing of a pair for "the other one"."""
    found = _OTHER.search(question)
    if found is None:
        return question
    latest = turns[-1][0].casefold()
    for asked, _ in reversed(turns):
        pair = [each for each in phrases(asked) if each.tells]
        unsaid = [each for each in pair if each.text.casefold() not in latest]
        if len(pair) > 1 and len(unsaid) == 1:
            return f"{question[: found.start()]}the {unsaid[0].text}{question[found.end() :]}"
    return question


def _opening(answer: str) -> str:
    spans = sentences(answer)
    return answer[slice(*spans[0])] if spans else ""
