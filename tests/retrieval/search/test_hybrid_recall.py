"""The recall of a hybrid list is of its ten best rows, and rows with equal scores are as good as each other."""

from __future__ import annotations

import pytest

from benchmarks.retrieval.hybrid import hybrid_recall, reciprocal

TEN = [*range(10)]


def test_the_ten_best_of_both_legs() -> None:
    fused = reciprocal([TEN, TEN[::-1], [90]])
    assert fused[90] == 1 / 60
    assert fused[0] == pytest.approx(1 / 60 + 1 / 69)
    assert hybrid_recall([TEN], [reciprocal([[*TEN, *range(10, 100)]])]) == 1.0
    assert hybrid_recall([[*TEN[:5], *range(50, 55)]], [reciprocal([[*TEN, *range(10, 100)]])]) == 0.5
    assert hybrid_recall([[*TEN[:5], 1000]], [reciprocal([TEN])]) == 0.5  # one that no exact leg holds


def test_equal_scores_and_fewer_rows_than_ten() -> None:
    alike = dict.fromkeys(range(20), 0.5)
    assert hybrid_recall([[*range(10, 20)]], [alike]) == 1.0
    assert hybrid_recall([[3, 4], TEN], [{3: 1.0, 4: 0.5}, dict.fromkeys(TEN, 1.0)]) == 1.0
