"""The readings of a text: as it stands, and with whatever hides its words undone.

A model reads spaced letters, digits for letters, ROT13 or base64 as easily as plain words; a guard has to as well. A
reading is kept only if it shows more of the words that attacks need than the text itself does, so that ordinary text
has one reading. Every step is linear in the text, and encodings inside encodings are followed `DEPTH` levels down.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from policy.normalise import Folded, fold

DEPTH = 3
"""How many encodings inside each other are undone. A text that is still encoded below that is reported as such."""

GROWTH = 3
"""How many times the length of the text may be decoded. More is reported as too deep, and not followed."""

_WORD = re.compile(r"[^\W_]+")
_KEY_WORDS = frozenset(
    _WORD.findall(
        """
        above access admin administrator answer assistant attention bypass chatbot command commands confidential
        developer disregard everything execute filter follow forget guidelines hidden ignore important instruction
        instructions jailbreak language message model obey output override password passwords policy pretend previous
        prior prompt repeat reply respond response restrictions reveal rules safety secret security system unrestricted
        user alles anweisung anweisungen antworte befehle geheim ignoriere ignorieren missachte nutzer passwort regeln
        vergiss vergessen vorherigen verrate wiederhole zeige affiche consignes ignorez instrucciones oublie oubliez
        precedentes regles reponds revele anteriores contrasena ignora olvida ordenes previas reglas responde usuario
        """
    )
)
_SHORT = frozenset(_WORD.findall("all the your and you are now from not with say tell write print show send this that"))
_TYPO_LENGTH = range(6, 15)
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[ .\-_*|/,·•]{1,2}[^\W_](?![^\W_])){4,}")
_GAP = re.compile(r"[ .\-_*|/,·•]")
_BROKEN = re.compile(r"(?<=[^\W_])[-.*·•|_~+](?=[^\W_])")
_MIXED = re.compile(r"[a-z0-9@$!|+]+")
_LEET = str.maketrans("0134578@$!|+", "oleastbasiit")
_LEET_I = str.maketrans("0134578@$!|+", "oieastbasiit")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:(?:\\x|0x|%)?[0-9a-fA-F]{2}[ ,:]?){12,}")
_ESCAPES = re.compile(r"(?:(?:\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|&#x?[0-9a-fA-F]{2,6};)[^\\%&\n]{0,12}){4,}")
"""Escapes near each other: someone may have escaped a few letters of each word only."""
_HEX_MARKS = re.compile(r"\\x|0x|[%\s,:]")
_CODE_POINT = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Reading:
    """One reading of a text. `folded` is its skeleton, whose offsets lead back to the text that was given."""

    folded: Folded
    how: str = "plain"
    too_deep: bool = False
    """Whether it is still encoded, deeper than encodings are undone."""


def readings(text: str) -> list[Reading]:
    """Return the readings of `text`; the first is the text as it stands, folded."""
    plain = fold(text)
    found = [Reading(plain), *_undisguised(plain)]
    level = list(_decoded(text))
    room = GROWTH * len(text)
    for _ in range(DEPTH):
        room -= sum(len(inner) for _, inner in level)
        if not level or room < 0:
            break
        for span, inner in level:
            folded = _placed(fold(inner), span)
            found += [Reading(folded, "decoded"), *_undisguised(folded)]
        level = [(span, deeper) for span, inner in level for _, deeper in _decoded(inner)]
    return [*found, Reading(plain, "decoded", too_deep=True)] if level else found


def _undisguised(plain: Folded) -> Iterator[Reading]:
    """Yield the readings of a skeleton that show more key words than it does."""
    shown = _key_words(plain.text)
    for how, undo in _DISGUISES.items():
        reading = undo(plain)
        if reading is not None and len(_key_words(reading.text)) > len(shown) + (how in _UNLIKELY):
            yield Reading(reading, how)


def _key_words(text: str) -> frozenset[str]:
    return _KEY_WORDS.intersection(_WORD.findall(text))


def _joined_letters(plain: Folded) -> Folded | None:
    """Undo `i g n o r e`: join the letters, and put blanks around the key words that then show."""
    return _rewritten(plain, _SPACED, lambda run: _parted(_GAP.sub("", run)))


def _joined_pieces(plain: Folded) -> Folded | None:
    """Undo `ig-no-re`."""
    return _rewritten(plain, _BROKEN, lambda _: "")


def _parted(letters: str) -> str:
    return " ".join(_known().sub(r" \g<0> ", letters).split())


@cache
def _known() -> re.Pattern[str]:
    return re.compile("|".join(sorted(_KEY_WORDS | _SHORT, key=lambda word: (-len(word), word))))


def _letters_for_digits(plain: Folded) -> Folded | None:
    """Undo `1gn0r3`. The digit 1 stands for `i` or `l`: whichever makes a key word."""
    return _rewritten(plain, _MIXED, _unleet)


def _unleet(word: str) -> str:
    if word.isalpha():
        return word
    reads = (word.translate(_LEET_I), word.translate(_LEET))
    return next((read for read in reads if read in _KEY_WORDS or read in _SHORT), word)


def _without_typos(plain: Folded) -> Folded | None:
    """Undo `ignroe` and `instrucions`: a word one slip from a key word is read as that."""
    return _rewritten(plain, _WORD, lambda word: _slips().get(word, word) if word in _slips() else _dropped(word))


def _dropped(word: str) -> str:
    """Return the key word that `word` has one letter more than or one letter different from, else `word`."""
    if len(word) not in _TYPO_LENGTH or word in _KEY_WORDS:
        return word
    cuts = (word[:at] + word[at + 1 :] for at in range(len(word)))
    return next((found for cut in cuts if (found := _cut_key_words().get(cut)) is not None), word)


@cache
def _slips() -> dict[str, str]:
    """Return the key word for each form with one letter left out or two swapped."""
    swapped = {
        word[:at] + word[at + 1] + word[at] + word[at + 2 :]: word
        for word in sorted(_KEY_WORDS)
        if len(word) in _TYPO_LENGTH
        for at in range(len(word) - 1)
    }
    return {form: word for form, word in {**_cut_key_words(), **swapped}.items() if form not in _KEY_WORDS}


@cache
def _cut_key_words() -> dict[str, str]:
    """Return the key word for itself and for each form with one letter left out; singular and plural stay apart."""
    long = [word for word in sorted(_KEY_WORDS) if len(word) in _TYPO_LENGTH]
    cut = {word[:at] + word[at + 1 :]: word for word in long for at in range(len(word) - 1)}
    return {**cut, **{word: word for word in long}}


def _rotated(plain: Folded) -> Folded | None:
    """Undo ROT13."""
    return Folded(codecs.encode(plain.text, "rot13"), plain.origins)


def _backwards(plain: Folded) -> Folded | None:
    """Undo reversed text. Its offsets would fall, so all of them point at the whole text."""
    if not plain.text:
        return None
    return _placed(Folded(plain.text[::-1], ()), (plain.origins[0], plain.origins[-1] + 1))


_DISGUISES: dict[str, Callable[[Folded], Folded | None]] = {
    "joined letters": _joined_letters,
    "joined pieces": _joined_pieces,
    "letters for digits": _letters_for_digits,
    "without typos": _without_typos,
    "rot13": _rotated,
    "backwards": _backwards,
}
_UNLIKELY = frozenset({"rot13", "backwards"})
"""Readings that take two more key words: any text has a reading as ROT13, and one word may show in it by chance."""


def _rewritten(plain: Folded, pattern: re.Pattern[str], rewrite: Callable[[str], str]) -> Folded | None:
    """Return the skeleton with each match rewritten, in its place; `None` if nothing changes."""
    parts: list[str] = []
    origins: list[int] = []
    position = 0
    for found in pattern.finditer(plain.text):
        new = rewrite(found[0])
        if new == found[0]:
            continue
        start, end = found.span()
        parts += [plain.text[position:start], new]
        origins += [*plain.origins[position:start], *_spread(plain, start, end, len(new))]
        position = end
    if not parts:
        return None
    return Folded("".join([*parts, plain.text[position:]]), (*origins, *plain.origins[position:]))


def _spread(plain: Folded, start: int, end: int, length: int) -> list[int]:
    """Return `length` source offsets, rising over those of the skeleton's characters `start:end`."""
    if not length:
        return []
    return [plain.origins[start + (end - 1 - start) * at // max(1, length - 1)] for at in range(length)]


def _decoded(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield what is encoded in `text`, with the span that holds it: each piece in base64 or hex, and escapes undone."""
    for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex), (_ESCAPES, _unescaped)):
        pieces = [(found.span(), inner) for found in pattern.finditer(text) if (inner := decode(found[0]))]
        if pieces:
            yield (pieces[0][0][0], pieces[-1][0][1]), "\n".join(inner for _, inner in pieces)


def _from_base64(piece: str) -> str:
    data = piece.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _readable(base64.b64decode(data[: len(data) - (len(data) % 4 == 1)] + "=" * (-len(data) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(piece: str) -> str:
    data = _HEX_MARKS.sub("", piece)
    return _readable(bytes.fromhex(data[: len(data) // 2 * 2]))


def _unescaped(piece: str) -> str:
    undone = html.unescape(unquote(_CODE_POINT.sub(lambda code: chr(int(code[1], 16)), piece)))
    return undone if undone != piece else ""


def _readable(data: bytes) -> str:
    """Return `data` as text, empty if it is none: paths, hashes and keys are valid base64 too."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    plain = sum(char.isalnum() or char in " \n.,:;!?'\"-+/=_%\\&#" for char in text)
    return text if plain >= 0.95 * len(text) and len(text) >= 8 else ""


def _placed(folded: Folded, span: tuple[int, int]) -> Folded:
    """Return the skeleton of a decoded text, every character at home in the span that was decoded."""
    length = len(folded.text)
    last = max(1, length - 1)
    return Folded(folded.text, tuple(span[0] + (span[1] - 1 - span[0]) * at // last for at in range(length)))
