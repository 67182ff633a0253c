"""Amounts of money as people read them: in USD. Micro-dollars stand in JSON and in settings."""

from __future__ import annotations


def dollars(micro_usd: int | None) -> str:
    """Return micro-dollars as an exact amount in dollars, or `unknown` for `None`."""
    if micro_usd is None:
        return "unknown"
    whole, rest = divmod(micro_usd, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
