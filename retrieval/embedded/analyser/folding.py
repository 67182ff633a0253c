"""Folding: texts that a reader takes for the same become the same characters."""

from __future__ import annotations

import unicodedata

import regex

# A soft hyphen at the end of a line hyphenates a word. `Cf` also holds the zero-width and the bidirectional signs.
_INVISIBLE = regex.compile(r"\u00AD[ \t]*\n[ \t]*|[\p{Cf}\u034F\u115F\u1160\u180B-\u180D\uFE00-\uFE0F]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30a0", "-"))
_DIGITS = regex.compile(r"[\p{Nd}--[0-9]]", regex.V1)

# Not every mark: in the scripts of India and of South-East Asia, marks are vowels.
_MARKS = regex.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # Latin, Greek, Cyrillic
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"  # Arabic vowels and stretching
)
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ı": "i",
        "ŋ": "n",
        # Arabic and Persian: the forms of alef, ya, kaf and ta marbuta.
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ئ": "ي",
        "ؤ": "و",
        "ک": "ك",
        "ة": "ه",
        "ۀ": "ه",
    }
)
_SHORT_I = ("и\u0306", "й")
"""й is a letter, not an и with an accent: the two tell Russian words apart, and its stemmer needs the difference."""


def normalised(text: str) -> str:
    """Return `text` in compatibility form (NFKC), with ASCII digits and hyphens and without invisible characters."""
    if text.isascii():
        return text
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_DASHES)
    return str(_DIGITS.sub(lambda digit: str(unicodedata.decimal(digit[0])), text))


def folded(word: str) -> str:
    """Return a normalised word in lower case, without accents, ligatures and the marks of Arabic and Hebrew."""
    word = word.casefold()
    if word.isascii():
        return word
    bare = _MARKS.sub("", unicodedata.normalize("NFD", word.translate(_LETTERS)).replace(*_SHORT_I))
    return unicodedata.normalize("NFC", bare)
