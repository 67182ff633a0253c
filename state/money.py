"""Amounts of money as people read and write them: in USD. Inside, and in JSON and settings, they are micro-dollars."""

from __future__ import annotations

import re

_MICRO = 1_000_000
# Twelve digits: more would not fit the 64 bits of a database column.
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6})0*)?")


def dollars(micro_usd: int | None) -> str:
    """Return micro-dollars as an exact amount in dollars, or `unknown` for `None`.

    >>> dollars(1_500_000), dollars(1), dollars(None)
    ('1.5', '0.000001', 'unknown')
    """
    if micro_usd is None:
        return "unknown"
    whole, rest = divmod(abs(micro_usd), _MICRO)
    return f"{'-' if micro_usd < 0 else ''}{whole}.{rest:06d}".rstrip("0").rstrip(".")


def micro_dollars(usd: str) -> int:
    """Return an amount in dollars, such as `25` or `0.5`, as micro-dollars.

    Read digit by digit, so that nothing is rounded: 0.1 USD is exactly 100,000 micro-dollars.

    Raises:
        ValueError: it is no decimal number, negative, finer than a micro-dollar, or a trillion or more.
    """
    match = _AMOUNT.fullmatch(usd.strip())
    if match is None:
        raise ValueError("it is no decimal number with at most twelve digits before the point and six after it")
    return int(match[1]) * _MICRO + int((match[2] or "").ljust(6, "0"))
