"""The names in a question, and whether a passage contains them.

If no retrieved passage contains the name that a question is about, these passages hardly answer it, however similar
they are: this is one of the extractive model's signs that the answer is absent. A name is a run of capitalised words or
numbers (with the small words between them), its apposition (`Ernest II, Duke of Saxony`) and its parenthesis
(`The Wanted (band)`). Matching ignores case, accents, possessives, a slip of the pen and whether a forename is written
out; the words must be close together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from gateway.extractive.ranking import GERMAN_STOP_WORDS, STOP_WORDS, fold, is_german, stem, words
from gateway.extractive.terms.spelling import abbreviates, alike, initials_apart

_TOKEN = re.compile(r"(?:\b[^\W\d_]\.)+(?=\s)|[^\W_]+(?:[.'’\-&/+#:][^\W_]+)*[+#]*|[,()?!;:]|\.(?=\s|$)")
_SMALL_WORDS = "a al an at bin d da de del den der des di du el for from ibn in la le of on the to van von y"
_TITLE_WORDS = """
    archbishop archduchess archduke baron baroness bishop count countess duchess duke earl elector emperor empress esq
    grand jr king knight lady landgrave lord margrave marquess marquis pope prince princess queen sir sr viscount
"""
_REQUEST_WORDS = """
    analyse analyze compare define describe detail discuss explain find give identify list name outline provide report
    show state summarise summarize tell write
"""
_CALENDAR_WORDS = """
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
"""
_CALENDAR = frozenset(stem(word) for word in _CALENDAR_WORDS.split())
_NUMBER = re.compile(r"\d[\d.,]*")
_REQUESTS = frozenset(_REQUEST_WORDS.split())
_ARTICLES = frozenset(("a", "an", "the", "this"))
_CONNECTORS = frozenset(_SMALL_WORDS.split())
_APPOSITIONS = frozenset(_TITLE_WORDS.split())
_GERMAN_ARTICLES = frozenset(("das", "dem", "den", "der", "des", "die"))
_GERMAN_LINKS = frozenset(("der", "des", "vom", "von"))
_SLACK = 2  # words allowed in a gap, for middle names and titles; a chosen value


@dataclass(frozen=True)
class Name:
    """One name, as stems: its words in order, and separately its numbers and the words of its parenthesis."""

    text: str
    core: tuple[str, ...]
    qualifiers: frozenset[str] = frozenset()

    def stands_in(self, passage: PassageWords) -> bool:
        """Return whether `passage` contains the words of this name close together, and its qualifiers anywhere."""
        return all(map(passage.has, self.qualifiers)) and passage.has_close(self.core)


@dataclass(frozen=True)
class PassageWords:
    """The stems of a passage, its title and its headings, in order and as a set."""

    order: tuple[str, ...]
    present: frozenset[str]

    @classmethod
    def of(cls, *parts: str) -> PassageWords:
        """Return the stems of all `parts` in sequence."""
        order = tuple(stem(word) for part in parts for word in words(initials_apart(part)))
        together = (word.replace(".", "") for part in parts for word in words(part) if "." in word)
        return cls(order, frozenset([*order, *together]))

    def has(self, wanted: str) -> bool:
        """Return whether the stem `wanted` occurs, or one that differs by a slip."""
        return wanted in self.present or any(alike(wanted, word) for word in self.present)

    def has_close(self, wanted: tuple[str, ...]) -> bool:
        """Return whether all `wanted` stems occur in order, with at most two other words in each gap.

        An initial and a word that it may abbreviate are one, beside a word that is written out on both sides.
        """
        if len(wanted) == 1:
            return self.has(wanted[0])
        if not any(self.has(word) for word in wanted if len(word) > 1):
            return False
        return any(self._follows(start, wanted) for start, word in enumerate(self.order) if _same(word, wanted[0]))

    def _follows(self, start: int, wanted: tuple[str, ...]) -> bool:
        position, whole = start, alike(self.order[start], wanted[0])
        for term in wanted[1:]:
            window = self.order[position + 1 : position + 2 + _SLACK]
            step = next((index for index, word in enumerate(window) if _same(word, term)), None)
            if step is None:
                return False
            position += 1 + step
            whole = whole or (len(term) > 1 and alike(self.order[position], term))
        return whole


def names(question: str) -> list[Name]:
    """Return the names in `question`, in order, once each; none if every word is capitalised.

    Dates and bare numbers are not names here, because texts write them in too many ways to match. Nor is a single
    capitalised word of a German question, since every noun is capitalised there.

    >>> [name.text for name in names("Which film came out first, The Sting (1973 film) or Jaws?")]
    ['The Sting (1973 film)', 'Jaws']
    """
    tokens = list(_TOKEN.finditer(question))
    if _case_tells_nothing([token[0] for token in tokens]):
        return []
    telling = not is_german(question)
    found: dict[tuple[str, ...], Name] = {}
    position = 0
    while position < len(tokens):
        end, qualified = _run(tokens, position)
        position = position if telling else _behind_description(tokens, position, end)
        if end > position:
            text = question[tokens[position].start() : tokens[end - 1].end()]
            name = _name(text, qualified=qualified)
            if name.core and (telling or _written_as_name(tokens[position:end])):
                found.setdefault((*name.core, *sorted(name.qualifiers)), name)
        position = max(end, position + 1)
    return list(found.values())


def _behind_description(tokens: list[re.Match[str]], start: int, end: int) -> int:
    """Return where the name starts in a German run: in "die Mutter von Jana Roth", behind `von`."""
    if end <= start or not start or tokens[start - 1][0].lower() not in _GERMAN_ARTICLES:
        return start
    links = [at for at in range(start + 1, end - 1) if tokens[at][0] in _GERMAN_LINKS]
    return links[-1] + 1 if links else start


def _case_tells_nothing(tokens: list[str]) -> bool:
    """Return whether capitals mark no names: the text is all capitals, or a headline with capitalised small words."""
    if any(token[0].islower() for token in tokens):
        return False
    return any(token.lower() in STOP_WORDS for token in tokens[1:]) or (len(tokens) > 2 and "".join(tokens).isupper())


def _written_as_name(run: list[re.Match[str]]) -> bool:
    """Return whether a run of a German question is a name all the same: two capitals in a row, or capitals inside."""
    found = [token[0] for token in run if fold(token[0]) not in GERMAN_STOP_WORDS]
    inner = any(char.isupper() or char.isdigit() for word in found for char in word[1:])
    return inner or any(a[0].isupper() and b[0].isupper() for a, b in pairwise(found))


def _run(tokens: list[re.Match[str]], start: int) -> tuple[int, bool]:
    """Return the end of the name that starts at `start` (`start` if none does), and whether it ends with `(…)`."""
    if not _is_proper(tokens, start):
        return start, False
    end, position = start + 1, start + 1
    while position < len(tokens):
        word = tokens[position][0]
        if _is_proper(tokens, position):
            end = position + 1
        elif word == "(" and position == end:
            closing = next((i for i in range(position, len(tokens)) if tokens[i][0] == ")"), None)
            if closing is not None:
                return closing + 1, True
            break
        elif not (_joins(tokens, position, end) or word in _CONNECTORS or word == ":"):
            break
        position += 1
    return end, False


def _is_proper(tokens: list[re.Match[str]], position: int) -> bool:
    word = tokens[position][0]
    if not (word[0].isupper() or word[0].isdigit()):
        return any(char.isupper() for char in word)
    if position and tokens[position - 1][0] not in (".", "?", "!", ";"):
        return word != "I"
    return _opens_with_name(tokens, position)


def _opens_with_name(tokens: list[re.Match[str]], position: int) -> bool:
    """Return whether the first word of a sentence, which is always capitalised, belongs to a name."""
    word, following = tokens[position][0], tokens[position + 1][0] if position + 1 < len(tokens) else ""
    if word.lower() in STOP_WORDS or word.lower() in _REQUESTS:
        return following[:1].isupper() and word.lower() in _ARTICLES
    inner = any(char.isupper() or char in "'’" for char in word[1:])
    return inner or following in (":", "(") or following[:1].isupper() or following in _CONNECTORS


def _joins(tokens: list[re.Match[str]], position: int, end: int) -> bool:
    """Return whether the comma at `position` starts an apposition."""
    if tokens[position][0] != "," or position != end or position + 1 >= len(tokens):
        return False
    following = tokens[position + 1][0]
    return following.lower() in _APPOSITIONS or bool(re.fullmatch(r"\d+(?:st|nd|rd|th)", following, re.IGNORECASE))


def _name(text: str, *, qualified: bool) -> Name:
    outside, _, inside = text.partition("(") if qualified else (text, "", "")
    core = _core(outside)
    if _CALENDAR.issuperset(word for word in core if not _NUMBER.fullmatch(word)):
        return Name(text, ())
    numbers = [word for word in core if _NUMBER.fullmatch(word)]
    return Name(text, tuple(word for word in core if word not in numbers), frozenset([*numbers, *_core(inside)]))


def _core(text: str) -> tuple[str, ...]:
    every = words(initials_apart(text))
    if all(len(word) == 1 for word in every):
        return (stem("".join(every)),) if every else ()
    telling = [word for word in every if word not in STOP_WORDS and word not in _CONNECTORS]
    return tuple(stem(word) for word in (telling if len(telling) > 1 or len(every) <= 2 else every))


def _same(word: str, wanted: str) -> bool:
    return alike(word, wanted) or abbreviates(word, wanted)
