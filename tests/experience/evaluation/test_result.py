"""Means, intervals, differences and the picture."""

import xml.etree.ElementTree as ET

import pytest

from experience.evaluation import Evaluation, Scored, difference, estimate
from experience.evaluation.picture import drawing
from experience.evaluation.result import groups_of


def evaluation(**answers):
    scored = tuple(Scored(id=name, figures={"answer_in_claims": value}) for name, value in answers.items())
    return Evaluation(corpus="c", corpus_version=1, models={}, asked=len(scored), questions=len(scored), scored=scored)


def test_an_interval_is_the_same_at_every_run_and_holds_the_mean():
    values = [0.0, 1.0, 1.0, 0.0, 1.0] * 20
    first = estimate(values)
    assert first == estimate(values)
    assert (first.value, first.count) == (0.6, 100)
    assert 0.48 < first.low < 0.53 < 0.67 < first.high < 0.72
    assert estimate([]) is None


def test_many_values_are_drawn_in_parts_of_bounded_size():
    assert estimate([0.0, 1.0] * 5_000).high == pytest.approx(0.51, abs=0.005)


def test_a_paired_difference_leaves_out_what_one_side_lacks():
    found = difference([1.0, 1.0, None, 0.0], [0.0, 1.0, 1.0, None])
    assert (found.value, found.count) == (0.5, 2)


def test_two_evaluations_are_compared_over_the_questions_that_both_have():
    found = evaluation(a=1.0, b=1.0, c=0.0).against(evaluation(a=0.0, b=1.0, z=1.0))
    assert set(found) == {"answer_in_claims"}
    assert (found["answer_in_claims"].value, found["answer_in_claims"].count) == (0.5, 2)


def test_groups_follow_the_group_of_all():
    scored = [
        Scored(id="1", group="how", figures={"seconds": 1.0}),
        Scored(id="2", group="when", figures={"seconds": 3.0}),
        Scored(id="3", figures={"seconds": 2.0}),
    ]
    found = groups_of(scored)
    assert [(each.name, each.questions, each.seconds_p50) for each in found] == [
        ("all", 3, 2.0),
        ("how", 1, 1.0),
        ("when", 1, 3.0),
    ]


def test_the_picture_is_svg_with_a_mark_for_each_figure_and_series():
    one = {"a": estimate([0.0, 1.0]), "b": estimate([1.0])}
    root = ET.fromstring(drawing({"a": "first <one>", "b": "second", "c": "none"}, {"x": one, "y": {"a": one["a"]}}))
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert {"first <one>", "second", "x", "y"} <= set(texts)
    assert "none" not in texts
    assert sum(each.tag.endswith("circle") for each in root.iter()) == 3 + 2
