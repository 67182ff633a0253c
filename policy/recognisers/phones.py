"""Telephone numbers: international ones, national ones of some regions, and whatever a word calls one.

Presidio's recogniser tries the number plan of each region on every row of digits: that is slow, and accepts what some
country could have issued. Here the form decides first. `phonenumbers`, which is loaded when it is needed, judges only
what looks like a number.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from policy.recognisers.pieces import Recogniser
from settings.pools import unmeasured
from state.values import Mask

_SEPARATOR = r"(?:[ \u00a0](?:[-.–/()]{1,2}[ \u00a0]?)?|[-.–/()]{1,2}[ \u00a0]?)"
_ROW = re.compile(
    rf"(?<![\w@#$€£%=\\+])(?<!\w[-.:/])\(?\d++(?:{_SEPARATOR}\d++)*+(?![\w%@:]|[-./](?!(?i:office|desk|fax|mobile|home))\w)"
)
"""Groups of digits with at most a few separators between two of them. Possessive: there is one way to match."""

_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d(?:[ .\-]?\(?\d\)?){6,14}(?![\w])")
_NORTH_AMERICAN = re.compile(
    r"(?<![\w./+(:=-])(?:1[ .-])?(?:\([2-9]\d\d\) ?\d{3}-|[2-9]\d\d(?P<by>[.-])\d{3}(?P=by)|[2-9]\d\d \d{3}[ -])\d{4}"
    r"(?!\d|[-.]\d)"
)
_EXTENSION = re.compile(
    r"[ ,]{0,2}(?:x|(?:ext|extn|extension|durchwahl|poste|interno)\b[.:]?) ?\d{1,7}(?!\w)", re.IGNORECASE
)
_STRONG = (
    r"(?:tele)?phones?|tel|mobiles?|cellphone|fax|hotline|whatsapp|telefon|telefonnummer|rufnummer|handy|mobil"
    r"|téléphone|portable|teléfono|telefono|telefone|móvil|celular|cellulare|telefoon|telefoonnummer|puhelin"
)
_WEAK = r"call|calling|cell|dial|ring|reach(?:ed)?|answering|desk|office|anrufen|appelez|llame|llamar|chiamare|bel"
_WORD = re.compile(rf"\b(?:(?P<strong>{_STRONG})|{_WEAK})\b", re.IGNORECASE)
_AFTER = re.compile(rf" ?[-–(,]? ?(?:(?P<strong>{_STRONG})|office|desk)\b", re.IGNORECASE)
_GAP = re.compile(r"(?P<near>[^\d\n]{0,12})\n?[^\d\n]{0,28}")
"""What may stand between a word and the number that it announces: less, if the word has other meanings."""

_NO_PHONE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}(?!\d)|\d{1,2}(?P<by>[-/. ])\d{1,2}(?P=by)(?:19|20)\d\d(?!\d)"
    r"|\d{3}-\d\d-\d{4}(?!\d)|\d+\.\d+$|\d{1,3}(?:\.\d{1,3}){3}$|\d\.|.*\.\d(?:\.|$)"
)
"""Dates, US social security numbers, decimals, IP addresses and versions."""

_TRUNK = re.compile(r"\(?0[1-9]\d{0,4}\)?(?:[ \u00a0.\-–]|/ ?(?!\d+/))")
_THOUSANDS = re.compile(r"\d{1,2}(?:[ .]\d{3})+$")
_FEWEST, _MOST = 7, 15
"""Digits of a number: most local ones have seven or more, and E.164 allows fifteen."""
_FEWEST_NATIONAL = 9
_MOST_UNGROUPED = 12
_MOST_OF_A_LIST = 3 * _MOST


def phone_recogniser(regions: tuple[str, ...]) -> Recogniser:
    """Return the function that finds telephone numbers; those without a country code and a word are of `regions`."""

    def find(text: str) -> list[Mask]:
        spans = [found.span() for found in _INTERNATIONAL.finditer(text)]
        american = [found.span() for found in _NORTH_AMERICAN.finditer(text)]
        if american and any(region in _library().COUNTRY_CODE_TO_REGION_CODE[1] for region in regions):
            spans += american
        spans += _rows(text, regions)
        return [
            Mask(start=start, end=_with_extension(text, end), kind="PHONE_NUMBER") for start, end in sorted(set(spans))
        ]

    return find


def _rows(text: str, regions: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield the rows of digits that a word calls a telephone number, or that are national ones."""
    words = list(_WORD.finditer(text))
    ends = [word.end() for word in words]
    for row in _ROW.finditer(text):
        digits = _digits(row[0])
        if len(digits) < _FEWEST or _NO_PHONE.match(row[0]):
            continue
        nearest = bisect_right(ends, row.start()) - 1
        before = words[nearest] if nearest >= 0 and _announces(words[nearest], text, row.start()) else None
        word = _AFTER.match(text, row.end()) or before
        if word is None:
            if len(digits) <= _MOST and _is_national(row[0], digits, regions):
                yield row.span()
        elif not _is_announced(row[0], digits):
            continue
        elif (
            word["strong"]
            or (before and before["strong"])
            or (_is_grouped(row[0]) and not _THOUSANDS.match(row[0]))
            or (len(digits) >= _FEWEST_NATIONAL and _is_planned(digits, regions))
        ):
            yield row.span()


def _announces(word: re.Match[str], text: str, start: int) -> bool:
    gap = _GAP.fullmatch(text, word.end(), start)
    return gap is not None and (bool(word["strong"]) or gap.end("near") == start)


def _is_announced(row: str, digits: str) -> bool:
    """Whether `row` may be what a word calls a telephone number: one number, or some with spaces between them."""
    return len(digits) <= (_MOST_OF_A_LIST if _is_grouped(row) else _MOST_UNGROUPED)


def _is_grouped(row: str) -> bool:
    return not row.isdecimal()


def _is_national(row: str, digits: str, regions: tuple[str, ...]) -> bool:
    if digits.startswith("00"):
        return _is_grouped(row) and _is_international(digits[2:])
    return len(digits) >= _FEWEST_NATIONAL and bool(_TRUNK.match(row)) and _is_planned(digits, regions)


def _is_planned(digits: str, regions: tuple[str, ...]) -> bool:
    return any(_plan(region)(digits) for region in regions)


def _is_international(digits: str) -> bool:
    phonenumbers = _library()
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}")))
    except phonenumbers.NumberParseException:
        return False


Plan = Callable[[str], bool]
"""Whether some digits, dialled within a region, are a valid number of it."""


@cache
def _library() -> Any:
    with unmeasured():
        import phonenumbers

        return phonenumbers


@cache
def _plan(region: str) -> Plan:
    phonenumbers = _library()
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    code = phonenumbers.country_code_for_region(region)
    trunk = metadata.national_prefix if metadata and metadata.national_prefix == "0" else ""
    general = metadata.general_desc.national_number_pattern if metadata and metadata.general_desc else None
    pattern = re.compile(general or r"(?!)")

    def plan(digits: str) -> bool:
        if not digits.startswith(trunk):
            return False
        national = digits.removeprefix(trunk)
        # The pattern first: it is fifty times as fast.
        return bool(pattern.fullmatch(national)) and phonenumbers.is_valid_number(
            phonenumbers.PhoneNumber(
                country_code=code, national_number=int(national), italian_leading_zero=national.startswith("0") or None
            )
        )

    return plan


def _digits(row: str) -> str:
    """Return the digits of `row`, of whatever script, as ASCII."""
    return "".join(str(int(char)) for char in row if char.isdecimal())


def _with_extension(text: str, end: int) -> int:
    found = _EXTENSION.match(text, end)
    return found.end() if found else end
