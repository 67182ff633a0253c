"""Which way a sentence points: up (`increases`, `promotes`), down (`reduces`, `inhibits`), or neither."""

from __future__ import annotations

from collections.abc import Iterable

from nodes.checks.polarity import said

_UP_WORDS = """
    increas rais higher high more larger greater improv enhanc promot activat gain positiv upregul elevat induc stimulat
    accelerat longer faster expand grow grew growth exceed benefi protect enabl allow
"""
_DOWN_WORDS = """
    decreas reduc lower low less fewer smaller impair inhibit deactivat loss negativ downregul attenuat suppress block
    prevent slow shorter declin drop fell lose diminish weaken harm disabl forbid delay
"""
_UP = tuple(_UP_WORDS.split())
_DOWN = tuple(_DOWN_WORDS.split())


def direction(sentence: str) -> int:
    """Return 1 if the sentence has words that point up and none that point down, -1 the other way round, else 0.

    >>> direction("Caching reduces the cost."), direction("The index grows faster."), direction("It is a table.")
    (-1, 1, 0)
    """
    return direction_of(said(sentence).words)


def direction_of(found: Iterable[str]) -> int:
    """Return the same for words."""
    found = tuple(found)
    up, down = (any(word.startswith(one) for word in found for one in ones) for ones in (_UP, _DOWN))
    return int(up) - int(down)
