"""Presidio's recognisers without its engine: no language model, no download, no network. Import lazily: it is slow.

The engine would load a spaCy model. The subclasses correct recognisers where they had false alarms or misses on the
sentences named in `policy.pii`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any

import phonenumbers
from presidio_analyzer import Pattern
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    UsSsnRecognizer,
)
from tldextract import TLDExtract

from state.values import Mask

MIN_SCORE = 0.4
"""On Presidio's scale: above its `very weak` patterns, below its e-mail and address patterns without context."""

_SUFFIXES = TLDExtract(suffix_list_urls=(), cache_dir=None)
_REGIONS = ("US", "GB", "DE", "FR", "IN", "BR", "AU")
_GROUPED = re.compile(r"^\+|^\(\d+\)|\d[ .\-/)]\d")
_DATE_OR_DECIMAL = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\b|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\d+\.\d+$")
_PHONE_WORD = re.compile(r"\b(?:call|cell|cellphone|fax|mobile|phone|tel|telephone|whatsapp)\b", re.IGNORECASE)
_INTERNATIONAL = re.compile(r"(?<![\w+])\+[1-9](?:[ .\-]?\(?\d\)?){7,14}(?!\w)")
_SHORTEST_ADDRESS = 7
_SHORTEST_INTERNATIONAL = 7
"""Digits of the shortest valid number with its country code, for example `+683 4002` (phonenumbers' metadata)."""
_MORE_CARDS = (
    ("Mastercard 2-series, JCB", r"\b(?:2[2-7]\d{2}|35\d{2})[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}\b"),
    ("JCB, 15 digits", r"\b(?:2131|1800)\d{11}\b"),
    ("Maestro, 12 digits", r"\b(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{8}\b"),
    ("Visa, 19 digits", r"\b4\d{18}\b"),
)
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|2\d{15}|3[47]\d{13}|3[0689]\d{12}|3\d{15}|(?:2131|1800)\d{11}|5\d{15}|5\d{11}|6\d{11,18}"
)

Recogniser = Callable[[str], list[Mask]]


class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc, unused-ignore]
    """Checks the domain against the bundled suffix list; the base class downloads a list."""

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the domain ends in a public suffix, or at least in a word."""
        domain = pattern_text.rpartition("@")[2]
        return bool(_SUFFIXES(domain).fqdn) or domain.rpartition(".")[2].isalpha()


class PersonalIpRecognizer(IpRecognizer):
    """Ignores addresses that identify nobody: loopback, `0.0.0.0`, and the `::` of programs and prose."""

    def invalidate_result(self, pattern_text: str) -> bool:
        """Whether the match is not an address, or one that identifies nobody."""
        try:
            address = ip_address(pattern_text)
        except ValueError:
            return True
        return address.is_loopback or address.is_unspecified or len(pattern_text) < _SHORTEST_ADDRESS


class IssuedCardRecognizer(CreditCardRecognizer):
    """Presidio's recogniser with the number ranges that it lacks, and without lengths that no issuer uses."""

    def __init__(self) -> None:
        more = [Pattern(name, regex, 0.3) for name, regex in _MORE_CARDS]
        super().__init__(patterns=[*CreditCardRecognizer.PATTERNS, *more])

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the check digit is right and some issuer has numbers of this length."""
        digits = pattern_text.replace(" ", "").replace("-", "")
        return _ISSUED.fullmatch(digits) is not None and bool(super().validate_result(pattern_text))


_PRESIDIO: Mapping[str, Callable[[], Any]] = {
    "CREDIT_CARD": IssuedCardRecognizer,
    "CRYPTO": CryptoRecognizer,
    "EMAIL_ADDRESS": OfflineEmailRecognizer,
    "IBAN_CODE": IbanRecognizer,
    "IP_ADDRESS": PersonalIpRecognizer,
    "US_SSN": UsSsnRecognizer,
}
ENTITIES = frozenset({*_PRESIDIO, "PHONE_NUMBER"})


def build_recogniser(entity: str) -> Recogniser:
    """Return the function that finds `entity`, one of `ENTITIES`."""
    if entity == "PHONE_NUMBER":
        return find_phone_numbers
    recogniser = _PRESIDIO[entity]()
    return lambda text: [
        Mask(start=found.start, end=found.end, kind=entity)
        for found in recogniser.analyze(text, [entity], None)
        if found.score >= MIN_SCORE
    ]


def find_phone_numbers(text: str) -> list[Mask]:
    """Return numbers with `+` and a plausible length, and valid national numbers of some countries.

    Presidio's own recogniser uses regions that do not exist (`UK`, `FE`) and accepts every ten-digit number that some
    country could have issued. Here an ungrouped national number needs a word such as `phone` before it.
    """
    international = [found.span() for found in _INTERNATIONAL.finditer(text)]
    national = [
        (found.start, found.end)
        for region in _REGIONS
        for found in phonenumbers.PhoneNumberMatcher(
            text, region, leniency=phonenumbers.Leniency.VALID, min_candidate_length=_shortest(region)
        )
        if _reads_as_phone(text, found.start, found.raw_string)
    ]
    return [Mask(start=start, end=end, kind="PHONE_NUMBER") for start, end in sorted({*international, *national})]


@cache
def _shortest(region: str) -> int:
    """Return the length of the shortest valid number of `region`: it lets the matcher skip most figures of a text."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    lengths = metadata.general_desc.possible_length if metadata and metadata.general_desc else ()
    return min(_SHORTEST_INTERNATIONAL, *lengths)


def _reads_as_phone(text: str, start: int, number: str) -> bool:
    if "  " in number or _DATE_OR_DECIMAL.match(number):
        return False
    return bool(_GROUPED.search(number) or _PHONE_WORD.search(text, max(0, start - 40), start))
