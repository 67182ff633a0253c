"""Words as the checks compare them: tokens for "the same words", stems for "about the same thing"."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from state.citation_marks import MARK_LIKE

_FUNCTION_WORDS = """
    a about all also although am among an and any are as at be because been before being between both but by can could
    did do does doing done during each either even every for from had has have having he her here him his how however i
    if in into is it its itself just may me might more most must my of off on once one onto or other our out over own
    per same shall she should since so some such than that the their them themselves then there therefore these they
    this those through thus to too under until up upon us very via was we were what when where whereas whether which
    while who whom whose why will with within would yet you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that say nothing about what a sentence is about. Negations are not among them: they decide."""

_STEM = 6  # letters that stand in for a stemmer: they join inflections and need no language data
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_TOKEN = re.compile(
    rf"(?P<mark>(?<!\w){MARK_LIKE})"
    r"|(?<![\w.,])[-−](?=\d)\d[\w.,:]*(?<![.,:])"  # a negative number
    r"|\w+(?:[.,:/'’@]\w+)*(?:(?<=\w)[#+]+(?!\w))?"  # with `C#` and `C++`
    r"|[%$+]|\[[ xX]\]"
    r"|<=?(?=\s?[\d=])|(?<=\S)>=?(?=\s?\d)|(?<=\S )>=?(?=\s?\d)"  # a block quote's `>` begins its line
    r"|(?<=[^\s]\s)[<>=!]+(?=\s)|(?<!~)~(?=\s?\d)"
    r"|[^\w\s\x00-\x7f]"
)
_SYMBOLS = ("Sm", "Sc", "So", "Sk")  # Unicode categories: comparisons, currencies, ticks and crosses, degrees
_MORE_SYMBOLS = frozenset("§‰°")
_KEPT_FORMS = ("<super>", "<sub>", "<fraction>")
_TARGET = re.compile(r"\]\([^()\s]*(?:\s[^()]*)?\)")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FOREIGN_WORDS = """
    al au aus auf bei con das de del dem den der des die du ein eine el en est et für het i il ist la las le les
    los mit nel nicht o och por pour que se sich sie si sono sont sur um un una und une uno van von wird y zu à é
    är
"""
_FOREIGN = frozenset(_FOREIGN_WORDS.split())


class Token(NamedTuple):
    """A word or symbol and its place; `text` is folded, so that case and typographic variants compare equal.

    `mark` tells of numbers in brackets, such as `[3]`, which a document writes as its own citations.
    """

    text: str
    start: int
    end: int
    mark: bool = False


def tokens(text: str) -> list[Token]:
    """Return what a reader of the plain text `text` sees: words, numbers, meaningful symbols, and numbers in brackets.

    >>> [token.text for token in tokens("**See** the guide ⟦3⟧ for 0.5 %.")]
    ['see', 'the', 'guide', '[3]', 'for', '0.5', '%']
    """
    found = (_token(match) for match in _TOKEN.finditer(text))
    return [token for token in found if token.text]


def without_targets(text: str) -> str:
    """Return `text`, Markdown of a document, with the targets of its links blanked, so that offsets stay.

    For passages only. The text of a claim is plain: what looks like the target of a link in it is shown to the reader.

    >>> without_targets("See [it](https://a.example).")
    'See [it                     .'
    """
    return _TARGET.sub(lambda found: " " * len(found[0]), text)


def words(text: str) -> list[str]:
    """Return the words, folded."""
    return [_folded(word) for word in _WORD.findall(text)]


def stems(text: str) -> list[str]:
    """Return the stems of the content words, in order.

    >>> stems("The limits are counted by the gateway.")
    ['limit', 'counte', 'gatewa']
    """
    return [_stem(word) for word in words(text) if word not in FUNCTION_WORDS]


def stem_of(word: str) -> str:
    """Return what inflections of `word` share."""
    return _stem(_folded(word))


def _stem(folded: str) -> str:
    if len(folded) > 3 and folded.endswith("s") and not folded.endswith("ss"):
        folded = folded[:-1]
    return folded[:_STEM]


def shared(some: set[str], others: set[str]) -> float:
    """Return the share of `some` that is in `others`, 0 if there are none."""
    return len(some & others) / len(some) if some else 0.0


def in_english(text: str) -> bool:
    """Return whether `text` is English, or has no words but names and numbers in digits.

    Number words are known in English only: a number that a text in another language spells out would seem missing.
    """
    if _CJK.search(text):
        return False
    found = words(text)
    foreign = sum(word in _FOREIGN for word in found)
    english = sum(word in FUNCTION_WORDS for word in found)
    bare = not foreign and any(map(str.isdigit, text)) and all(map(str.isascii, found))
    return english > foreign or bare


def _token(match: re.Match[str]) -> Token:
    if match["mark"] is None:
        said = match[0]
        symbol = said.isascii() or said[0].isalnum() or said[0] in _MORE_SYMBOLS or said[0] in "-−_"
        told = symbol or unicodedata.category(said[0]) in _SYMBOLS
        return Token(_folded(said) if told else "", *match.span())
    inner = "".join(match[0][1:-1].split())
    return Token(f"[{_folded(inner)}]", *match.span(), mark=True)


def _folded(word: str) -> str:
    if word.isascii():  # nearly every word: the rest would change nothing in it
        return word.strip("_").lower()
    return _compatible(word).replace("’", "'").replace("−", "-").strip("_").casefold()


def _compatible(word: str) -> str:
    """Return `word` with ligatures and wide letters as plain ones; 10² stays, which NFKC alone makes 102."""
    kept = unicodedata.normalize("NFC", word)
    if not any(unicodedata.decomposition(char).startswith(_KEPT_FORMS) for char in kept):
        return unicodedata.normalize("NFKC", kept)
    return "".join(
        char if unicodedata.decomposition(char).startswith(_KEPT_FORMS) else unicodedata.normalize("NFKC", char)
        for char in kept
    )
