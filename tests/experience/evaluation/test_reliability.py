"""Probabilities of reports, and how they agree with the answers."""

import xml.etree.ElementTree as ET

import pytest

from experience.evaluation import Scored
from experience.evaluation.picture import diagram
from experience.evaluation.reliability import KIND, Judged, probability_of, reliability
from experience.evaluation.result import reliability_of
from state.report import Report
from state.values import Event, Status


def report(*told):
    events = tuple(Event(node="analyzer", kind=kind, detail=detail) for kind, detail in told)
    given = {"thread_id": "t", "run_id": "r", "trace_id": "", "question": "q", "stop_reason": "", "markdown": ""}
    return Report(**given, status=Status.ANSWERED, events=events)


def test_the_last_probability_of_each_sub_question_counts_and_of_these_the_highest():
    assert probability_of(report((KIND, "q1: 0.9"), (KIND, "q2: 0.40"), (KIND, "q1: 0.30"))) == 0.4
    assert probability_of(report((KIND, "q1: 1"), (KIND, "q2: 0.25"))) == 1.0
    assert probability_of(report(("other", "q1: 0.9"), (KIND, "q1 is likely"))) is None


def test_bins_hold_the_reports_of_a_tenth_and_one_belongs_to_the_last():
    found = reliability([Judged(0.62, True), Judged(0.68, False), Judged(1.0, True), Judged(0.95, True)])
    assert [(each.low, each.high, each.right.count, each.right.value) for each in found.bins] == [
        (0.6, 0.7, 2, 0.5),
        (0.9, 1.0, 2, 1.0),
    ]
    assert found.bins[0].probability == pytest.approx(0.65)
    assert found.error == pytest.approx((2 * 0.15 + 2 * 0.025) / 4)
    assert found.brier == pytest.approx((0.38**2 + 0.68**2 + 0.05**2) / 4)
    assert reliability([]) is None


def test_only_reports_that_give_a_probability_are_looked_at():
    scored = [
        Scored(id="1", figures={"probability": 0.9, "published_right": 1.0}),
        Scored(id="2", figures={"published_right": 0.0}),
    ]
    assert reliability_of(scored).count == 1
    assert reliability_of(scored[1:]) is None


def test_the_diagram_has_a_point_for_each_bin():
    bins = reliability([Judged(0.2, False), Judged(0.9, True)]).bins
    root = ET.fromstring(diagram({"one": bins, "two": bins[:1]}))
    assert sum(each.tag.endswith("circle") for each in root.iter()) == 3 + 2
