"""Web and mail addresses of a claim: it may name only those that stand in its quotes."""

from __future__ import annotations

from collections.abc import Iterable

from state.addresses import address_key, address_spans, addresses_in


def addresses(text: str) -> list[str]:
    """Return the addresses that stand in `text`, each once, without the punctuation after them.

    >>> addresses("See https://docs.example.com/a, or write to me@example.org.")
    ['https://docs.example.com/a', 'me@example.org']
    """
    return list(dict.fromkeys(text[start:end] for start, end in address_spans(text)))


def foreign_addresses(claim: str, texts: Iterable[str]) -> list[str]:
    """Return the addresses of `claim` that stand in none of `texts`.

    A host alone stands where an address of it does.
    """
    named = addresses(claim)
    if not named:
        return []
    known = frozenset().union(*map(addresses_in, texts))
    hosts = {host for each in known for host in (each.partition("/")[0], each.partition("/")[0].rpartition("@")[2])}
    return [each for each in named if address_key(each) not in known | hosts]
