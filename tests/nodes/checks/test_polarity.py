"""Plain contradictions by `not` and by opposite words."""

from __future__ import annotations

import pytest

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


ANOTHER_CASE = [
    ("As of release 23, vector indexes are supported.", ["Vector indexes are not supported before release 23."]),
    ("Uploads are possible while the lock is off.", ["Uploads are not possible while the lock is on."]),
    ("Keys are valid while the lease is on.", ["Keys are not valid once the lease is off."]),
    ("Uploads are allowed with a token.", ["Uploads are not allowed without a token."]),
    ("Encryption was supported.", ["Encryption is not supported now."]),
    (
        "In release 23 all of the new vector indexes of the shop hold rows of text.",
        ["In release 22 all of the new vector indexes of the shop do not hold rows of text."],
    ),
    ("The gate closes while the light is off.", ["The gate opens while the light is on."]),
    ("The valve closes under the limit.", ["The valve opens over the limit."]),
    ("The gate closes at the light.", ["The gate opens at the light.", "The gate closes by the light."]),
]
SAME_CASE = [
    ("Vector indexes are supported before release 23.", ["Vector indexes are not supported before release 23."]),
    ("Keys are not valid while the lease is on.", ["While the lease is on, keys are valid."]),
    ("The gate closes while the light is on.", ["The gate opens while the light is on.", "The gate is green."]),
]


@pytest.mark.parametrize(("claim", "sentences"), ANOTHER_CASE)
def test_sentences_on_another_time_or_condition_contradict_nothing(claim: str, sentences: list[str]) -> None:
    assert not polarity.negated_by(claim, sentences)
    assert not polarity.opposed_by(claim, sentences)


@pytest.mark.parametrize(("claim", "sentences"), SAME_CASE)
def test_sentences_on_the_same_time_and_condition_contradict(claim: str, sentences: list[str]) -> None:
    assert polarity.negated_by(claim, sentences) or polarity.opposed_by(claim, sentences)
