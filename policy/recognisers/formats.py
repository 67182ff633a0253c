"""What a text must hold for Presidio to find something in it: cheap to ask, where Presidio takes seconds to load.

Each pattern is necessary, not sufficient: it covers everything that the recogniser of its kind can find. Each is linear
in the length of a text.
"""

from __future__ import annotations

import re
from functools import cache

from policy.recognisers.pieces import Recogniser
from settings.pools import unmeasured
from state.values import Mask

NEEDED = {
    "CREDIT_CARD": re.compile(r"\d(?:[- ]?\d){11}"),
    "CRYPTO": re.compile(r"(?:bc1|[13])[A-Za-z0-9]{25}"),
    "EMAIL_ADDRESS": re.compile(r"@[^\s@]+\.[^\s@]"),
    "IBAN_CODE": re.compile(r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2}"),
    "IP_ADDRESS": re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|::|(?:[0-9A-Fa-f]{1,4}:){7}"),
    "US_SSN": re.compile(r"[0-9]{3}[- .][0-9]{2}[- .][0-9]{4}"),
}


def recogniser_of(kind: str) -> Recogniser:
    """Return the function that finds `kind`. It loads Presidio for the first text that may hold such data."""
    needed = NEEDED[kind]

    def find(text: str) -> list[Mask]:
        return _presidio(kind)(text) if needed.search(text) else []

    return find


@cache
def _presidio(kind: str) -> Recogniser:
    with unmeasured():
        from policy.recognisers.presidio import presidio_recogniser

        return presidio_recogniser(kind)
