"""Removal of hidden characters, and folding of look-alike letters for matching.

`normalised` returns the text that is kept: it keeps other scripts, emoji, and the joiners that Persian or Hindi
spelling needs. `fold` returns the skeleton that guards match on, with the offsets of its source.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_INVISIBLE}\ud800-\udfff]")
_JOINERS = frozenset("\u200c\u200d")
_WORD = re.compile(r"\w+")


def normalised(text: str) -> str:
    """Return `text` without hidden characters and lone surrogates, in Unicode's composed form (NFC)."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", _HIDDEN.sub(lambda found: found[0] if _belongs(found) else "", composed))


def _belongs(found: re.Match[str]) -> bool:
    """Whether an invisible character is part of ordinary spelling at its position."""
    char, before = found[0], found.string[found.start() - 1 : found.start()]
    if not before or (_HIDDEN.match(before) and not _is_presentation(before)):
        return False
    if char in _JOINERS:
        return _script(before) in _JOINING_SCRIPTS or (char == "\u200d" and _is_pictograph(before))
    if char in "\ufe0e\ufe0f":
        return _is_pictograph(before) or before in "#*0123456789"
    return "\U000e0100" <= char <= "\U000e01ef" and _script(before) == "CJK"


def _is_presentation(char: str) -> bool:
    return char in "\ufe0e\ufe0f"


def _is_pictograph(char: str) -> bool:
    return (unicodedata.category(char) in {"So", "Sm", "Sk", "Po"} and not char.isascii()) or _is_presentation(char)


_JOINING_SCRIPTS = frozenset(
    {"ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM", "MONGOLIAN", "ORIYA",
     "SINHALA", "SYRIAC", "TAMIL", "TELUGU"}
)  # fmt: skip


@dataclass(frozen=True)
class Folded:
    """A skeleton for matching. `origins[i]` is the source offset of character `i`."""

    text: str
    origins: tuple[int, ...] | range

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the source offsets of the non-empty span `start:end`."""
        return self.origins[start], self.origins[end - 1] + 1


def fold(text: str) -> Folded:
    """Return the skeleton of `text`: without hidden characters and accents, case-folded, in plain compatibility forms.

    Look-alikes become Latin letters in words that mix scripts. In words of look-alikes alone they do so only if the
    text has no other letter of a foreign script: otherwise a Russian word would be read as an English one.
    """
    if text.isascii():
        return Folded(text.lower(), range(len(text)))
    pairs = [(plain, at) for at, char in enumerate(text) for plain in _plain(char)]
    latin = _look_alikes([plain for plain, _ in pairs])
    table = _confusables()
    folded = "".join(table.get(plain, plain) if index in latin else plain for index, (plain, _) in enumerate(pairs))
    return Folded(folded, tuple(at for _, at in pairs))


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    """Return the case-folded compatibility form of one character, without marks; empty for a hidden character."""
    if _HIDDEN.match(char):
        return ""
    decomposed = unicodedata.normalize("NFKD", char)
    bare = "".join(part for part in decomposed if not unicodedata.combining(part)) or decomposed
    return bare.casefold() if not unicodedata.combining(char) else ""


def _look_alikes(chars: list[str]) -> set[int]:
    """Return the indexes of the characters that imitate Latin letters."""
    words = [found.span() for found in _WORD.finditer("".join(chars))]
    foreign = any(char.isalpha() and _script(char) != "LATIN" and char not in _confusables() for char in chars)
    return {
        index
        for start, end in words
        if _mixes_scripts(chars[start:end]) or (not foreign and all(_reads_latin(char) for char in chars[start:end]))
        for index in range(start, end)
    }


def _mixes_scripts(word: list[str]) -> bool:
    scripts = {_script(char) for char in word if char.isalpha()}
    return "LATIN" in scripts and len(scripts) > 1


def _reads_latin(char: str) -> bool:
    return char in _confusables() or not char.isalpha() or _script(char) == "LATIN"


@lru_cache(maxsize=8192)
def _script(char: str) -> str:
    """Return the first word of the character's Unicode name, which names its script."""
    return unicodedata.name(char, "").partition(" ")[0].partition("-")[0]


@cache
def _confusables() -> dict[str, str]:
    """Return the Latin letter that each foreign letter resembles, from Unicode's confusables table."""
    from confusable_homoglyphs import confusables

    return {
        char: latin[0]
        for char, likenesses in confusables.confusables_data.items()
        if len(char) == 1 and char.isalpha() and not char.isascii()
        if (latin := [each["c"].lower() for each in likenesses if _is_latin_letter(each["c"])])
    }


def _is_latin_letter(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text.isalpha()
