"""The noun phrases of a question: runs of content words between function words and verbs, joined by "of".

Patterns instead of a tagger. They are wrong at times, and used where a wrong phrase only adds a word to a search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gateway.extractive.asking.verbs import (
    ASKING,
    AUXILIARIES,
    BE,
    DETERMINERS,
    DO,
    PERSONS,
    POSSIBLE,
    PREPOSITIONS,
    is_verb,
)
from gateway.extractive.named_terms import names
from gateway.extractive.ranking import FRENCH_STOP_WORDS, GERMAN_STOP_WORDS, STOP_WORDS, fold, is_french, is_german

_TOKEN = re.compile(r"[^\W_][\w]*(?:[.'’\-/+#:]\w+)*[+#]*|[^\w\s]")
_ADVERBS_WORDS = """
    actually afterwards again already also always automatically back currently either else ever exactly first
    forever instead just later maybe never normally now often only please possibly really still then therefore
    today together too usually yet
"""
_ADVERBS = frozenset(_ADVERBS_WORDS.split())
_GENERIC_WORDS = """
    answer anything application bit case code difference differences everything example examples kind kinds lot
    maximum minimum nothing number okay part parts people please program question snippet something sorry sort
    sorts step steps thank thanks thing things type types use way ways
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
_JOINS = frozenset(("of", "de", "du", "des", "von", "vom"))
_SINGULAR_ENDS = ("ss", "us", "is", "'s", "’s", "ics")


@dataclass(frozen=True)
class Phrase:
    """A noun phrase without its article: where it stands, what stands before it, and whether it is what is asked for.

    `determined` says whether an article or the like stands before it, `before` is the preposition before that.
    """

    text: str
    start: int
    end: int
    before: str = ""
    determined: bool = False
    asked: bool = False

    @property
    def head(self) -> str:
        """The noun itself, folded: of `cache of a connection`, `cache`."""
        nouns = re.split(r"\s(?:of|de|du|des|von|vom)\s", self.text)[0].split()
        # "version 4", "error XQ-12": the noun comes first.
        return fold(next((word for word in reversed(nouns) if not any(map(str.isdigit, word))), nouns[-1]))

    @property
    def plural(self) -> bool:
        """Whether the noun has the English ending of a plural."""
        return len(self.head) > 3 and self.head.endswith("s") and not self.head.endswith(_SINGULAR_ENDS)

    @property
    def is_name(self) -> bool:
        """Whether it is written as a name or an identifier: with a capital, a digit or a sign inside."""
        return any(char.isupper() or char.isdigit() or char in "_.:/" for char in self.text)

    @property
    def tells(self) -> bool:
        """Whether it is more than a general word, such as `example`."""
        return self.head not in _GENERIC


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int
    name: bool = False

    @property
    def folded(self) -> str:
        return fold(self.text).replace("’", "'")


def phrases(question: str) -> list[Phrase]:
    """Return the noun phrases of `question`, in order.

    >>> [each.text for each in phrases("How many entries does the parser keep in the cache of a session?")]
    ['entries', 'parser', 'cache of a session']
    """
    tokens = list(_tokens(question))
    stops = _stops(question)
    runs = list(_runs(tokens, stops))
    if stops is GERMAN_STOP_WORDS:
        runs = [part for run in runs for part in _nouns(tokens, run)]
    elif stops is not FRENCH_STOP_WORDS:
        runs = [part for run in runs for part in _without_verbs(tokens, run)]
    found = [_phrase(question, tokens, run) for run in _joined(tokens, runs)]
    return [*(_headed(question, each, after) for each, after in pairwise(found)), *found[-1:]]


def _headed(question: str, phrase: Phrase, after: Phrase) -> Phrase:
    """Return `phrase` with the noun that it shares with the one after it: in "Light and Heavy mode", `Light mode`."""
    if question[phrase.end : after.start].strip(" ,").casefold() not in ("and", "or", "und", "oder"):
        return phrase
    *first, noun = after.text.split()
    shares = len(first) == len(phrase.text.split()) == 1 and phrase.text[0].isupper() and first[0][0].isupper()
    return replace(phrase, text=f"{phrase.text} {noun}") if shares and noun.islower() else phrase


def _stops(question: str) -> frozenset[str]:
    if is_french(question):
        return FRENCH_STOP_WORDS
    return GERMAN_STOP_WORDS if is_german(question) else STOP_WORDS | _ADVERBS | PREPOSITIONS | AUXILIARIES


def _tokens(question: str) -> Iterator[_Token]:
    """Yield the words and signs; a name is one token."""
    position = 0
    spans = []
    for name in names(question):
        start = question.find(name.text, position)
        if start >= 0:
            position = start + len(name.text)
            spans.append((start, position))
    covered = 0
    for match in _TOKEN.finditer(question):
        span = next((each for each in spans if each[0] <= match.start() < each[1]), None)
        if span is None:
            yield _Token(match[0], match.start(), match.end())
        elif span[0] >= covered:
            covered = span[1]
            yield _Token(question[slice(*span)], *span, name=True)


def _runs(tokens: Sequence[_Token], stops: frozenset[str]) -> Iterator[range]:
    """Yield the runs of content words, as ranges of tokens."""
    start: int | None = None
    for position, token in enumerate(tokens):
        content = token.name or (token.text[0].isalnum() and token.folded not in stops)
        if content and start is None:
            start = position
        if not content and start is not None:
            yield range(start, position)
            start = None
    if start is not None:
        yield range(start, len(tokens))


def _nouns(tokens: Sequence[_Token], run: range) -> Iterator[range]:
    """Yield the part of a German run from its first capital on: nouns have one."""
    capitals = [at for at in run if tokens[at].text[0].isupper() and at]
    if capitals:
        yield range(capitals[0], capitals[-1] + 1)


def _without_verbs(tokens: Sequence[_Token], run: range) -> Iterator[range]:
    """Yield what an English run is without its verb: the phrase before it and the one after it."""
    if run.start and tokens[run.start - 1].folded == "how":
        run = run[1:]  # "how large"
    verb = _verb(tokens, run) if run else None
    parts = [run] if verb is None else [range(run.start, verb), range(verb + 1, run.stop)]
    yield from (part for part in parts if part)


def _verb(tokens: Sequence[_Token], run: range) -> int | None:
    """Return where the verb of a run is, if it has one."""
    if not tokens[run.start].name and _starts_with_verb(tokens, run.start):
        return run.start
    before = tokens[run.start - 1].folded if run.start else ""
    if len(run) == 1 and before in BE and tokens[run.start].text.endswith("ed"):
        return run.start  # "can it be changed", "a budget is used up"
    auxiliary = _auxiliary(tokens, run.start)
    among = POSSIBLE if auxiliary in ("", "do") else frozenset[str]()
    for position in run[1:]:
        word, before = tokens[position], tokens[position - 1].folded
        if word.name:
            continue
        if is_verb(word.text, before) or (is_verb(word.text, before, among=among) and _may_be(word, auxiliary)):
            return position
        if auxiliary in ("be", "is") and position == run[-1] and word.text.endswith(("ed", "en", "own")):
            return position
    if not auxiliary and tokens[run.start - 1].folded in ("which", "what"):
        return next((at for at in run[1:] if _third_person(tokens[at].text, tokens[at - 1].text)), None)
    # "How does thin mode connect", "Is the harbour museum open": the verb, or what is said of it, comes last.
    ends = run.stop == len(tokens) or tokens[run.stop].text in ".?!,"
    said = auxiliary == "do" or (auxiliary == "is" and tokens[run.start - 1].folded not in ("a", "an"))
    last = said and len(run) > 1 and ends and tokens[run[-1]].text.islower()
    return run[-1] if last else None


def _third_person(word: str, before: str) -> bool:
    """Return whether `word` may be the verb of "Which school teaches music": it has an ending, its noun none."""
    return word.islower() and word.endswith("s") and not word.endswith("ss") and not before.endswith("s")


def _may_be(word: _Token, auxiliary: str) -> bool:
    """Return whether a word that is also a noun may be the verb: after `does` it has no ending, alone it has one."""
    return word.text.endswith("s") != bool(auxiliary)


def _starts_with_verb(tokens: Sequence[_Token], start: int) -> bool:
    word = tokens[start].text
    before, earlier = (tokens[start - back].folded if start >= back else "" for back in (1, 2))
    if not start or before in ",;":
        return is_verb(word.lower(), "", among=POSSIBLE)  # an imperative
    if before in PERSONS - DETERMINERS and (before != "one" or earlier in AUXILIARIES):
        return word.islower()
    if earlier == "who" and before in AUXILIARIES:  # "who may delete", "who is told"
        return word.islower()
    if before in ("who", "what") or (before in ("that", "which") and _is_noun(earlier)):
        return word.islower()
    if before in ("this", "that", "these", "those") and earlier in DO:
        return is_verb(word, "", among=POSSIBLE)
    gerund = word.endswith("ing") and before in PREPOSITIONS
    return is_verb(word, before, among=POSSIBLE if gerund or before in ("to", "not", "and", "or") else frozenset())


def _is_noun(word: str) -> bool:
    return bool(word) and word not in STOP_WORDS | PREPOSITIONS


def _auxiliary(tokens: Sequence[_Token], start: int) -> str:
    """Return the auxiliary whose verb a run may hold: `do` or `be` for one of that kind, `none` if it has its verb.

    `is` for one like `be` that begins the question. Empty if the clause has no auxiliary.
    """
    for position in range(start - 1, -1, -1):
        word = tokens[position].folded
        if word in ",;:.?!":
            return ""
        if word in PREPOSITIONS or word in PERSONS - DETERMINERS:
            return "none"
        if word in AUXILIARIES:
            content = any(_is_noun(each.folded) for each in tokens[position + 1 : start])
            if content:
                return "none"
            return "do" if word in DO else "be" if position and tokens[position - 1].text not in ",;" else "is"
    return ""


def _joined(tokens: Sequence[_Token], runs: Sequence[range]) -> list[range]:
    """Return `runs`, those one that only "of" and an article stand between."""
    joined: list[range] = []
    for run in runs:
        between = [each.folded for each in tokens[joined[-1].stop : run.start]] if joined else []
        if between and between[0] in _JOINS and all(word in DETERMINERS for word in between[1:]):
            joined[-1] = range(joined[-1].start, run.stop)
        else:
            joined.append(run)
    return joined


def _phrase(question: str, tokens: Sequence[_Token], run: range) -> Phrase:
    start, end = tokens[run.start].start, tokens[run.stop - 1].end
    before = tokens[run.start - 1].folded if run.start else ""
    determined = before in DETERMINERS
    earlier = tokens[run.start - 2].folded if run.start > 1 else ""
    asked = before in ASKING or (before in ("many", "much") and earlier == "how")
    preposition = earlier if determined else before
    text = re.sub(r"['’]s?$", "", question[start:end])
    return Phrase(text, start, end, preposition if preposition in PREPOSITIONS else "", determined, asked)
