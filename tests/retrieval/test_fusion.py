from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.fusion import min_max, ranked, ranked_places
from state.values import Scores

LEG = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.floats(-10, 10, allow_nan=False), max_size=8)


@given(st.lists(LEG, min_size=1, max_size=3))
def test_fusion_keeps_every_id_in_a_stable_order(legs):
    ids = {key for leg in legs for key in leg}
    fused = min_max(legs)
    assert set(fused) == ids
    assert list(fused) == ranked(fused)
    assert fused == min_max([dict(reversed(list(leg.items()))) for leg in legs])


@given(LEG, LEG)
def test_min_max_stays_between_zero_and_one(left, right):
    assert all(0 <= score <= 1 + 1e-9 for score in min_max([left, right]).values())


def test_first_in_both_legs_wins():
    assert next(iter(min_max([{"a": 2, "b": 1}, {"a": 5, "c": 4}]))) == "a"
    assert min_max([{"a": 1}, {}]) == {"a": 0.5}


@given(st.dictionaries(st.integers(0, 50), st.sampled_from([0.0, 0.5, 1.0]), max_size=20))
def test_arrays_are_ranked_as_mappings_are(scores):
    ids, values = np.array(list(scores), dtype=np.int64), np.array(list(scores.values()), dtype=np.float32)
    assert ids[ranked_places(ids, values)].tolist() == ranked(scores)


def test_a_passages_best_score_is_that_of_the_last_stage_that_saw_it():
    assert Scores().best is None
    assert Scores(keyword=0.0).best == 0.0
    assert Scores(keyword=9.0, dense=0.4).best == 0.4
    assert Scores(keyword=9.0, dense=0.4, fused=0.7).best == 0.7
    assert Scores(keyword=9.0, dense=0.4, fused=0.7, rerank=0.1).best == 0.1
