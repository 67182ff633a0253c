"""Signs that no passage answers a question, although they are on its subject: what it names or asks for is nowhere.

"How long is the warranty of a boat?" asks for a warranty. If no passage that was found has that word, they may tell of
boats, and still hold no answer. The same holds for a name of several words, and for a price without an amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.extractive.asking.phrases import Phrase, phrases
from gateway.extractive.named_terms import Name, PassageWords
from gateway.extractive.ranking import STOP_WORDS, is_german, stem, words

_OPENS = re.compile(
    r"^(?:.*?:\s*)?(?:and\s+)?(?:what|where|who|when|how(?: \w+)?)(?:'s|\s+(?:is|are|was|were))\s+"
    r"(?:the|a|an|our|my)\s+",
    re.IGNORECASE,
)
_WHO = re.compile(r"^(?:.*?:\s*)?who\s+(?P<verb>[a-z]\w+)\s+\w", re.IGNORECASE)
_MEASURE_WORDS = """
    age area birthplace capacity cost default depth distance duration fee height inhabitant length nationality
    occupation population price salary size speed temperature weight width
"""
MEASURES = frozenset(_MEASURE_WORDS.split())
"""What a text states by a verb, an adjective or a unit instead of its name: "is 30 metres tall", "costs 4 euros"."""
_VAGUE_WORDS = """
    address aim amount cause effect function goal importance meaning motive origin purpose reason role significance
    amount argument attribute case class date day element entry field file form format function instance item
    kind level manner method mode month name number object option parameter part person place point policy property
    rate result rule section sentence set setting sort term thing time title type unit use user value variable version
    way word year
"""
_TELLING = 5  # letters from which on a part of a word tells what it is about; a chosen value
_WORD = re.compile(r"[^\W\d_][\w.'’/+#\-]*")
_LINKS = frozenset(["and", "for", "from", "in", "on", "to", "with"])
_ASKS_PRICE = re.compile(
    r"\b(?:what|how much)\s+(?:do|does|did|would|will|is|are)\b.*\b(?:costs?|charged?|earns?|paid)\b"
    r"|\b(?:price|fee|salary|cost) (?:of|for)\b|\bwas kostet\b|\bwie teuer\b|\bcombien coûte",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|(?:usd|eur|gbp|dollars?|euros?|pounds?|cents?|francs?|yen)\b)|\bfree\b"
    r"|\bno (?:\w+ )?(?:charge|cost)\b|\bcosts? (?:\w+ )?nothing\b|\bprices?\b.{0,40}\d|\bkostenlos|\bgratuit",
    re.IGNORECASE,
)
_PLAIN_VERBS = frozenset(["became", "did", "had", "has", "got", "gave", "made", "took"])
_VAGUE = MEASURES | frozenset(_VAGUE_WORDS.split())


def asked_for(question: str) -> str:
    """Return the word for what `question` asks for, as a stem; empty if it has none, or only one such as `number`.

    >>> asked_for("How many oars does a boat have?"), asked_for("How do I row?")
    ('oar', '')
    """
    if found := _WHO.match(question):
        verb = found["verb"]
        return stem(verb) if verb not in STOP_WORDS and verb not in _PLAIN_VERBS else ""
    opened = _OPENS.match(question)
    for phrase in phrases(question):
        if phrase.asked or (opened and phrase.start == opened.end()):
            return _telling(phrase)
    return ""


def _telling(phrase: Phrase) -> str:
    """Return the stem of a phrase's noun, or of the word before it if the noun alone says nothing; none of a name."""
    noun = re.split(r"\sof\s", phrase.text)[0]
    said = words(noun) if noun.islower() else []
    while said and said[-1] in _VAGUE | {f"{word}s" for word in _VAGUE}:
        said.pop()
    return stem(said[-1]) if said and said[-1].isalpha() else ""


def speaks_of(passage: PassageWords, word: str) -> bool:
    """Return whether `passage` has the stem `word`, in another form, with a slip, or within an identifier."""
    return passage.has(word) or any(_related(word, each) for each in passage.present)


def _related(word: str, other: str) -> bool:
    """Return whether a word begins as the other, but for a letter, or is a part of it: `encrypt`, `encryption`."""
    shorter = min(len(word), len(other))
    if len(word) < _TELLING or shorter < _TELLING:
        return False
    return word in other or word[: shorter - 1] == other[: shorter - 1]


def lacks_names(question: str, found: Sequence[Name], passages: Sequence[PassageWords]) -> bool:
    """Return whether `question` has names that are certainly names, and no passage has any of them.

    Certain are two or more capitalised words in a row. A single one may be a common word, the first ones of a question
    may be its beginning, and in German every noun has a capital. All that a side of a comparison is called is certain.
    """
    if is_german(question):
        return False
    is_side = ":" in question
    certain = [name for name in found if is_side or (_is_certain(name) and not question.startswith(name.text))]
    return bool(certain) and not any(
        name.stands_in(each) or _written_as_one(name, each) for name in certain for each in passages
    )


def _is_certain(name: Name) -> bool:
    said = _WORD.findall(name.text)
    capitals = sum(any(char.isupper() for char in word) for word in said)
    return capitals > 1 and not _LINKS.intersection(said)


def _written_as_one(name: Name, passage: PassageWords) -> bool:
    """Return whether the name stands in `passage` as an identifier: `FeatureStore`, `feature_store`."""
    said = words(name.text)
    return len(said) > 1 and any(stem(sign.join(said)) in passage.present for sign in ("", "_"))


def lacks_amount(question: str, texts: Iterable[str]) -> bool:
    """Return whether `question` asks what something costs, and none of `texts` tells of money."""
    return bool(_ASKS_PRICE.search(question)) and not any(_MONEY.search(text) for text in texts)
