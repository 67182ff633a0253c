"""The sides of a comparison, each as a question of its own that keeps what is compared: a price, a limit, a date.

English patterns. Names in a row ("Blue Ferry or Red Ferry") are sides, and so are phrases around the words of a
comparison ("the difference between a lease and a licence").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from gateway.extractive.asking.phrases import phrases
from gateway.extractive.asking.verbs import POSSIBLE
from gateway.extractive.named_terms import Name, names
from gateway.extractive.ranking import STOP_WORDS, stem, words

_MEASURES = {
    "bigger": "big",
    "cheaper": "cheap",
    "deeper": "deep",
    "faster": "fast",
    "heavier": "heavy",
    "higher": "high",
    "larger": "large",
    "longer": "long",
    "shorter": "short",
    "slower": "slow",
    "smaller": "small",
    "taller": "tall",
    "wider": "wide",
}
CHOOSES = "first|last|older|oldest|younger|youngest|earlier|later|recently|more|less|fewer|better|worse|" + "|".join(
    _MEASURES
)
"""Words that ask which of several things is more of something, as a pattern."""

_COMPARES = re.compile(
    r"\b(?:both|same|different|differences?|differ|compare[ds]?|comparison|versus|vs|between|out of|as opposed to"
    rf"|{CHOOSES})\b",
    re.IGNORECASE,
)
_LINK = r"\s*(?:,|,?\s*(?:and|or|vs\.?|versus|with|to)(?: (?:the|a|an))?)\s*"
_LINKED = re.compile(rf"(?:,|\b(?:the|a|an)\b)?\s*\0(?:{_LINK}\0)+,?", re.IGNORECASE)
"""Names in a row, each a NUL, with the article before the first one."""

_SIDE = r"[^,:;?]{1,80}?"
_ENDS = r"(?=\s*(?:[,:?]|\b(?:in|with|for|when|regarding|concerning|as to|on|at|by)\b|$))"
_AND = rf"(?P<a>{_SIDE})\s+(?:and|with|to|or|against)\s+(?P<b>{_SIDE}){_ENDS}"
_VERSUS = r"(?:vs\.?|versus|compared (?:to|with)|as opposed to)"
_MORE_WORDS = "|".join(_MEASURES)
_PATTERNS = (
    rf"(?:\bdifferences?\b(?P<keep>[^?:]{{0,80}}?)\bbetween|\bcompar(?:e|ison (?:of|between))|\bout of)\s+{_AND}",
    rf"\b(?:do|does|are|is)\s+(?P<a>{_SIDE})\s+(?:and|or)\s+(?P<b>{_SIDE})\s+(?=differ\b|compare\b|different\b)",
    rf"\b(?:do|does|is|are)\s+(?P<a>{_SIDE})\s+(?:compare|differ|different)\s+(?:to|with|from)\s+(?P<b>{_SIDE}){_ENDS}",
    rf"\b(?:is|are|was|were)\s+(?P<a>{_SIDE})\s+(?P<keep>{_MORE_WORDS})\s+than\s+(?P<b>{_SIDE}){_ENDS}",
    rf"\b(?:do|does)\s+(?P<a>{_SIDE})(?P<keep>\s+\w+),?\s+compared (?:to|with)\s+(?P<b>{_SIDE}){_ENDS}",
    rf"(?:^|\b(?:is|are|of)\s+)(?P<a>{_SIDE}),?\s+{_VERSUS}\s+(?P<b>{_SIDE}){_ENDS}",
    rf"\b(?:is|are)\s+(?P<a>{_SIDE})\s+or\s+(?P<b>{_SIDE})\s+(?=(?:{CHOOSES})\b)",
    rf"(?<=,)\s*(?P<a>{_SIDE})\s+or\s+(?P<b>{_SIDE})(?=\?|$)",
    rf"^(?P<a>{_SIDE})\s+or\s+(?P<b>{_SIDE})(?=\s*[,:])",
)
"""Where two phrases are compared: `keep` is what stands between the words that make it a comparison."""

_PAIRS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS)
_ATTRIBUTE = re.compile(
    r"\b(?:in terms of|with (?:respect|regards?) to|when it comes to|regarding|concerning|as to|as far as|as regards)"
    r"\s+(?P<what>.+?)(?:\s+(?:is|are) concerned)?$",
    re.IGNORECASE,
)
_COMPARED_IN = re.compile(
    r"\b(?:differ|compare|different|differences?)\b\s*(?:(?P<in>in|on|by|of|for)\s+)?(?P<what>.*)$", re.IGNORECASE
)
_MORE = re.compile(
    r"\b(?:has|have|gets?|offers?|needs?|takes?|uses?|allows?)\s+(?:the\s+)?(?P<word>more|less|fewer)\s+(?P<what>.+)$",
    re.IGNORECASE,
)
_IS_MORE = re.compile(
    rf"(?:\b(?:is|are|was|were)\b\s*(?:the\s+)?|^\W*)(?P<word>{_MORE_WORDS})(?:\s+one)?$", re.IGNORECASE
)
_DANGLING = re.compile(
    r"\b(?:and|between|compare|from|in|of|on|or|out of|than|to|versus|vs\.?|with|against)$", re.IGNORECASE
)
_SMALL = frozenset(("compare", "compared", "comparison", "differ", "difference", "differences", "different", "main"))
_ARTICLE = re.compile(r"^(?:(?:the|an?)|(?:The|An?)(?=\s+[a-z]))\s+")
"""An article, but not that of a title."""
_ANY_ARTICLE = r"(?:the |an? )?(?!(?:the|an?) )"
_LONGEST = 8  # words of a side; more are a clause; a chosen value


@dataclass(frozen=True)
class Side:
    """One side of a comparison: what it is called, and the question that asks for it."""

    name: str
    asks: str


def sides(question: str) -> list[Side]:
    """Return the sides that `question` compares; none if it compares nothing.

    >>> [side.asks for side in sides("How do light boats and heavy boats differ in price?")]
    ['light boats: what about price?', 'heavy boats: what about price?']
    """
    if not _COMPARES.search(question):
        return []
    return _named(question) or _plain(question)


def _named(question: str) -> list[Side]:
    """Return the names linked by `and`, `or` or commas, each with the rest of the question."""
    linked = _linked(question, names(question))
    if len(linked) < 2:
        return []
    shared = _shared_noun(question, linked)
    rest = question
    for name in linked:
        rest = rest.replace(name.text, "\0", 1)
    rest = rest.replace(f"\0{shared}", "\0") if shared else rest
    rest = _LINKED.sub(" ", rest)
    return [_side(side + shared, rest) for side in _apart(question, [name.text for name in linked])]


def _shared_noun(question: str, linked: list[Name]) -> str:
    """Return the noun after the last of several short names, with its blank: ` mode` of "Light and Heavy mode"."""
    if any(" " in name.text for name in linked):
        return ""
    start = question.find(linked[-1].text) + len(linked[-1].text)
    phrase = next((each for each in phrases(question) if each.start < start < each.end), None)
    noun = question[start : phrase.end] if phrase else ""
    said = words(noun)
    if not noun.islower() or len(said) != 1:
        return ""
    compared = re.match(r"\s+(?:differ|compare)\b", question[start + len(noun) :])
    verb = stem(said[0]) in POSSIBLE or said[0].endswith(("ed", "ing"))
    return noun if compared or not verb else ""


def _apart(question: str, linked: list[str]) -> list[str]:
    """Return the sides that `linked` names are: each one, or with its place ("Bath, Maine and Troy, Ohio").

    The last name of a list follows `and` or `or`. Behind a comma it belongs to the name before it.
    """
    text = question[question.find(linked[0]) : question.find(linked[-1]) + len(linked[-1])]
    if "," not in text[: -len(linked[-1])][-2:]:
        return linked
    return [side.strip(" ,") for side in re.split(r"\s(?:and|or|vs\.?|versus)\s", text)]


def _linked(question: str, found: list[Name]) -> list[Name]:
    chain: list[Name] = []
    for left, right in pairwise(found):
        start = question.find(left.text) + len(left.text)
        between = question[start : question.find(right.text, start)]
        if re.fullmatch(_LINK, between, re.IGNORECASE):
            chain = [*chain, right] if chain and chain[-1] is left else [*chain, left, right]
    return chain


def _plain(question: str) -> list[Side]:
    question = question.rstrip(" ?.!")
    for pattern in _PAIRS:
        found = pattern.search(question)
        if found is not None and (pair := _pair(found["a"], found["b"])):
            keep = found.groupdict().get("keep") or ""
            lead = "difference" if keep and "between" in found[0] else ""
            rest = f"{question[: found.start()]} {lead} {keep} {question[found.end() :]}"
            return [_side(side, rest) for side in pair]
    return []


def _pair(left: str, right: str) -> tuple[str, ...]:
    """Return two sides, each with what it shares with the other; nothing if one says nothing, or is a clause."""
    left, right = (side.strip() for side in (left, right))
    if " of " in left and " of " not in right:
        right = f"{left.partition(' of ')[0]} of {right}"
    noun = re.fullmatch(rf"{_ANY_ARTICLE}\w+ (?P<noun>[a-z]\w+)", right)
    if noun and re.fullmatch(rf"{_ANY_ARTICLE}\w+", left):
        left = f"{left} {noun['noun']}"  # "the short and the long form"
    said = [[word for word in words(side) if word not in STOP_WORDS] for side in (left, right)]
    return (left, right) if all(said) and max(map(len, said)) <= _LONGEST else ()


def _side(name: str, rest: str) -> Side:
    bare = _ARTICLE.sub("", name)
    text = re.sub(r"\s+(?=[,?:])", "", " ".join(rest.split())).strip(" ,?.:")
    text = _DANGLING.sub("", text).strip(" ,")
    asked = _asked(text)
    be = "are" if name.endswith("s") and not name.endswith("ss") else "is"
    return Side(bare, f"{bare}: {asked}?" if asked else f"What {be} {name}?")


def _asked(text: str) -> str:
    """Return what is asked of each side, in words of the question; empty if it is everything."""
    if found := _ATTRIBUTE.search(text):
        return f"what about {_listed(found['what'])}"
    if all(word in STOP_WORDS or word in _SMALL for word in words(text)):
        return ""
    if (found := _COMPARED_IN.search(text)) and found["what"]:
        # "in price" is what differs; "in the harbour" is where.
        where = found["in"] and _ARTICLE.match(found["what"])
        return f"what is it {found['in']} {found['what']}" if where else f"what about {_listed(found['what'])}"
    if found := _MORE.search(text):
        return f"how {'many' if found['what'].endswith('s') else 'much'} {found['what']}"
    if found := _IS_MORE.search(text):
        return f"how {_MEASURES[found['word'].casefold()]} is it"
    return f"{text[:1].lower()}{text[1:]}"


def _listed(what: str) -> str:
    """Return attributes without the preposition that each of them repeats: "price and in range"."""
    return re.sub(r"\b(and|or)\s+(?:in|to|of|for)\s+", r"\1 ", " ".join(what.split()))
