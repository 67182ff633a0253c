"""Presidio's recognisers without its engine: no language model, no download, no network. Import lazily: it is slow.

The engine would load a spaCy model. The subclasses correct recognisers where they had false alarms or misses on the
sentences of Presidio's research.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

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

from policy.recognisers.pieces import Recogniser
from state.values import Mask

MIN_SCORE = 0.4
"""On Presidio's scale: above its `very weak` patterns, below its e-mail and address patterns without context."""

_SUFFIXES = TLDExtract(suffix_list_urls=(), cache_dir=None)
_SHORTEST_ADDRESS = 7
_LONGER = re.compile(r"\.\d|(?<=:[0-9A-Fa-f]{2}):[0-9A-Fa-f]{2}\b")
_VERSION = re.compile(
    r"(?:\b(?:versions?|release|database|client|sections?|chapters?|clauses?|EC|v)[ =:]{0,2}|\bv|\d\.|:[0-9a-f]{2}:)$",
    re.IGNORECASE,
)
_MORE_CARDS = (
    ("Mastercard 2-series, JCB", r"\b(?:2[2-7]\d{2}|35\d{2})[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}\b"),
    ("JCB, 15 digits", r"\b(?:2131|1800)\d{11}\b"),
    ("Maestro, 12 digits", r"\b(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{8}\b"),
    ("Visa, 19 digits", r"\b4\d{18}\b"),
)
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|2\d{15}|3[47]\d{13}|3[0689]\d{12}|3\d{15}|(?:2131|1800)\d{11}|5\d{15}|5\d{11}|6\d{11,18}"
)


class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc, unused-ignore]
    """Checks the domain against the bundled suffix list; the base class downloads a list."""

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the domain ends in a public suffix, or at least in a word."""
        domain = pattern_text.rpartition("@")[2]
        return bool(_SUFFIXES(domain).fqdn) or domain.rpartition(".")[2].isalpha()


class PersonalIpRecognizer(IpRecognizer):
    """Ignores versions, numbers of sections, and addresses that identify nobody.

    These are loopback, `0.0.0.0`, and the `::` of programs and prose.
    """

    def analyze(self, text: str, *args: Any, **options: Any) -> list[Any]:
        """Return the addresses in `text`, without parts of longer numbers and without versions."""
        return [
            found
            for found in super().analyze(text, *args, **options)
            if not _LONGER.match(text, found.end) and not _VERSION.search(text, max(0, found.start - 24), found.start)
        ]

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


RECOGNISERS: Mapping[str, Callable[[], Any]] = {
    "CREDIT_CARD": IssuedCardRecognizer,
    "CRYPTO": CryptoRecognizer,
    "EMAIL_ADDRESS": OfflineEmailRecognizer,
    "IBAN_CODE": IbanRecognizer,
    "IP_ADDRESS": PersonalIpRecognizer,
    "US_SSN": UsSsnRecognizer,
}


def presidio_recogniser(kind: str) -> Recogniser:
    """Return the function that finds `kind` with Presidio's recogniser."""
    recogniser = RECOGNISERS[kind]()
    return lambda text: [
        Mask(start=found.start, end=found.end, kind=kind)
        for found in recogniser.analyze(text, [kind], None)
        if found.score >= MIN_SCORE
    ]
