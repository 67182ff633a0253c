"""Diversity: the best passages of different places, and what the same search found beside them."""

from __future__ import annotations

from collections.abc import Sequence

from state.values import Passage

BESIDE = 500
"""The most characters between two passages of a document that are beside one another. Chosen as half a passage: with 0,
two of the three passages of an abstract may still come; one passage of each document, wherever the others stand, gives
up what long documents say elsewhere. docs/measurements.md has the figures."""


def spread(passages: Sequence[Passage], k: int, beside: int) -> list[Passage]:
    """Return `k` passages of different places, and up to `beside` more that are beside these, each part in order.

    Where there are fewer than `k` places, passages beside the others fill up.
    """
    places: list[Passage] = []
    others: list[Passage] = []
    for each in passages:
        (others if _is_beside(each, places) else places).append(each)
    chosen = (places + others)[:k]
    more = [each for each in others[max(k - len(places), 0) :] if _is_beside(each, chosen)]
    return chosen + more[:beside]


def _is_beside(one: Passage, others: Sequence[Passage]) -> bool:
    return any(
        (one.document_id, one.text_hash) == (each.document_id, each.text_hash)
        and max(one.start - each.end, each.start - one.end) <= BESIDE
        for each in others
    )
