"""The encoding of a text that states none: guessed where one reading alone makes sense, else the file is refused.

The letters decide: of a right reading, nearly all letters outside ASCII belong to one language, and no other reading
comes near. `charset-normalizer` must then find no disorder in it; alone, it takes Polish in Latin-2 for Celtic.
"""

from __future__ import annotations

import re

from charset_normalizer import from_bytes

_CANDIDATES = (
    *("utf_16_le", "utf_16_be", "gb18030", "big5", "cp932", "euc_jp", "cp949"),
    *("cp1252", "cp1250", "iso8859_2", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256"),
)
_SAMPLE_BYTES = 65_536
_MOST_DISORDER = 0.5
_CLEAR = 0.85
_MARGIN = 0.05
"""Chosen values: the share of letters that one language must explain, and how far other readings must stay below it."""
_FOREIGN = re.compile(r"[^\W\d_a-z]")
_ODD = re.compile(
    r"(?<=[^\W\d_])"
    r"[\xa1-\xa6\xa8-\xaa\xac\xad\xaf-\xb4\xb6\xb8-\xba\xbc-\xbe\xd7\xf7\u2020\u2021\u2030\u2219-\u25ff]"
    r"(?=[^\W\d_])"
    r"|[a-z\u0430-\u044f][\u0410-\u042f]|[A-Za-z][\u0370-\u06ff]|[\u0370-\u06ff][A-Za-z]"
    r"|[\u0629\u0649][\u0621-\u064a]|[a-z][\u3040-\ud7af]|[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]"
)
"""What no text holds: a sign amid the letters of a word, a capital after a small letter, two scripts in a word, an
Arabic ending before another letter, control and private characters."""
_LATIN = (
    *("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "áâãàçéêíóôõúü", "àèéìòùî", "åäöé", "æøåéòôó", "ëïéèöüó", "áéíóúýðþæö"),
    *("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľňóôšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "äõöüšž", "çğıöşüâî\u0307"),
    "àâæçéèêëîïôœùûüÿäößáíñóú",  # French, German and Spanish in one text
)


def _rows(encoding: str, first: int, last: int) -> frozenset[str]:
    pairs = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
    return frozenset("".join(pair.decode(encoding, "ignore") for pair in pairs))


def _span(first: int, last: int) -> frozenset[str]:
    return frozenset(map(chr, range(first, last + 1)))


_ALPHABETS = (
    *map(frozenset, _LATIN),
    frozenset("оеаинтсрвлкмдпуяыьгзбчйії"),  # the rarer letters left out: KOI8-R reads Windows-1251 as such
    *(_span(0x386, 0x3CE), _span(0x5D0, 0x5EA), frozenset("ابتثجحخدذرزسشصضطظعغفقكلمنهويىةأ")),
    # The standards themselves put the usual characters first: level 1 of GB 2312, Big5 and JIS; kana; hangul.
    *(_rows("gb2312", 0xB0, 0xD7), _rows("big5", 0xA4, 0xC6), _rows("euc_kr", 0xB0, 0xC8)),
    _rows("euc_jp", 0xA4, 0xA5) | _rows("euc_jp", 0xB0, 0xCF) | {"々", "ー"},
)


def guess(data: bytes) -> str | None:
    """Return the encoding of `data`, or `None` if no reading or more than one makes sense."""
    sample = _sample(data)
    fits: dict[str, tuple[float, str]] = {}
    for encoding in _CANDIDATES:
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text not in fits:
            fits[text] = _fit(text), encoding
    (best, encoding), *others = sorted(fits.values(), key=lambda each: -each[0]) or [(0.0, "")]
    if best < _CLEAR or any(best - fit < _MARGIN for fit, _ in others):
        return None
    return encoding if from_bytes(sample, threshold=_MOST_DISORDER, cp_isolation=[encoding]).best() else None


def _fit(text: str) -> float:
    """Return how much of the letters outside ASCII one language explains, less what no text holds."""
    letters, odd = _FOREIGN.findall(text.lower()), len(_ODD.findall(text))
    if not letters:
        return 1.0 - min(odd, 1)
    return (max(sum(letter in alphabet for letter in letters) for alphabet in _ALPHABETS) - odd) / len(letters)


def _sample(data: bytes) -> bytes:
    """Return the lines that are not ASCII, as far as the sample goes; of UTF-16, the start."""
    if b"\0" in data:
        return data[:_SAMPLE_BYTES]
    kept, size = [], 0
    for line in data.splitlines():
        if not line.isascii():
            kept.append(line if len(line) <= _SAMPLE_BYTES else line[: line.rfind(b" ", 0, _SAMPLE_BYTES)])
            size += len(kept[-1])
            if size > _SAMPLE_BYTES:
                break
    return b"\n".join(kept)
