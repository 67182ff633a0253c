"""Plain contradictions by `not` and by opposite words."""

from __future__ import annotations

from nodes.checks import polarity


def test_each_sentence_is_read_once_for_all_claims() -> None:
    sentences = [f"Part {n} of the cache reduces the cost of a call." for n in range(500)]
    claims = [f"Part {n} of the cache increases the cost of a call." for n in range(0, 500, 25)]
    polarity.said.cache_clear()
    assert all(polarity.opposed_by(claim, sentences) for claim in claims)
    assert not any(polarity.negated_by(claim, sentences) for claim in claims)
    assert polarity.said.cache_info().misses == len(sentences) + len(claims)


def test_an_opposite_word_contradicts_only_where_all_others_are_the_same() -> None:
    assert polarity.opposed_by("The first tier is free.", ["The last tier is free."])
    assert not polarity.opposed_by("The first tier is free.", ["The last plan is free."])
    assert not polarity.opposed_by("The first and last tier is free.", ["The last and last tier is free."])
    assert not polarity.opposed_by("It is higher than that.", ["It is lower than that."])
