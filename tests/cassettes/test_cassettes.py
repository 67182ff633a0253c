"""Replays every cassette through the real graph: what is published, what is left out, and what the report says.

The answers are written by hand. These tests prove the pipeline, and nothing about a model's judgement.
"""

from __future__ import annotations

from collections import Counter

import pytest
import pytest_asyncio

from gateway.cassette.places import plain
from gateway.cassette.recording import difference, in_order, recorded
from gateway.cassette.tape import FAULTS
from tests.cassettes.check import FOLDER, faults_of, names
from tests.cassettes.measures import COLUMNS, measured, published, read_of, table, verdicts_of
from tests.cassettes.stage import Stages, Unanimous, Undecided

pytestmark = pytest.mark.asyncio(loop_scope="session")

every = pytest.mark.parametrize("name", names())
some = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if at % 3 == 0 else pytest.mark.long) for at, name in enumerate(names())]
)
"""A third of the cassettes, and all of them in `make test-long`: for what takes more runs of each."""

KINDS = (
    "paraphrase",
    "list",
    "table",
    "code",
    "steps",
    "two-hop",
    "conflict",
    "partly-absent",
    "absent",
    "follow-up",
    "language",
    "vague",
    "adversarial",
    "subtle",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stages(tmp_path_factory):
    """The corpora, ingested once a session, and the runs on them, each played once."""
    async with Stages(tmp_path_factory.mktemp("cassettes")) as opened:
        yield opened


@every
async def test_a_cassette_fits_its_documents_and_marks_every_claim(name):
    assert faults_of(name) == []


@some
async def test_the_report_is_as_the_cassette_says(stages, name):
    played = await stages.play(name)
    cassette, report = played.cassette, played.report
    assert played.faults == []
    assert report.status is cassette.status, (report.stop_reason, report.gaps, report.unresolved)
    assert cassette.stop_reason in (None, report.stop_reason)
    if cassette.rendered is not None:
        assert report.markdown.strip() == cassette.rendered.strip()
    assert [words for words in cassette.present if words not in report.markdown] == []
    assert [words for words in cassette.absent if words in read_of(report)] == []


@every
async def test_a_report_verifies(stages, name):
    played = await stages.play(name)
    assert played.verification.faults == ()
    assert played.verification.outcome == "verified"
    assert played.verification.claims == sum(claim.kind.states for claim in played.report.claims)


@every
async def test_the_answers_were_written_for_these_prompts(stages, name):
    played = await stages.play(name)
    known = recorded(FOLDER, name)
    changed = [difference(known.get(each.label, ""), each.text, each.label) for each in played.replay.asked]
    if any(changed) or list(known) != [each.label for each in in_order(played.replay.asked)]:
        remedy = f"read the answers again; then `make cassette NAME={name}` records the prompts anew"
        pytest.fail("\n".join(["the prompts have changed", *filter(None, changed), remedy]), pytrace=False)
    assert played.stale == []


@some
async def test_no_planted_sentence_is_published(stages, name):
    figures = await measured(stages, name)
    assert figures.planted_published == ()
    shown = plain(figures.played.report.markdown)
    assert [mark.sentence for mark in figures.planted if plain(mark.sentence) in shown] == []


@some
async def test_a_judge_that_cannot_tell_leaves_every_claim_in_and_says_so(stages, name):
    undecided, agreed = await stages.play(name, Undecided), await stages.play(name, Unanimous)
    marks = undecided.cassette.mark
    # What code alone fails is left out whatever the judge says; nothing else is.
    assert published(undecided, marks) == published(agreed, marks)
    asked = {plain(text) for text in undecided.replay.judged}
    verdicts = verdicts_of(undecided.report)
    assert {words: verdict for words, verdict in verdicts.items() if words in asked and verdict != "unverified"} == {}
    assert undecided.verification.faults == ()
    if asked & verdicts.keys():
        assert undecided.report.status == "partial"
        assert "unverified" in undecided.report.markdown


async def test_the_cassettes_together(stages):
    """One test, because each process that asks for all cassettes has to play all of them."""
    figures = [await measured(stages, name) for name in names()]
    true_claims_are_published(figures)
    they_cover_what_the_pipeline_must_show(figures)
    code_alone_catches_what_needs_no_judgement(figures)
    calls = sorted(each.played.report.usage.calls for each in figures)
    assert calls[len(calls) // 2] <= 4


def true_claims_are_published(figures):
    lost = [
        (each.played.cassette.name, mark.sentence)
        for each in figures
        for mark in each.true
        if mark not in each.true_published
    ]
    marked = sum(len(each.true) for each in figures)
    assert marked - len(lost) >= 0.95 * marked, lost


def they_cover_what_the_pipeline_must_show(figures):
    kinds = Counter(each.played.cassette.shows for each in figures)
    faults = Counter(mark.fault for each in figures for mark in each.planted)
    assert len(figures) >= 24
    assert sum(faults.values()) >= 40
    assert [kind for kind in KINDS if not kinds[kind]] == []
    assert [fault for fault in FAULTS if not faults[fault]] == []
    rendered = {each.played.cassette.shows for each in figures if each.played.cassette.rendered}
    assert rendered >= {"two-hop", "conflict", "table"}


def code_alone_catches_what_needs_no_judgement(figures):
    """`python -m benchmarks.cassettes` prints the figures."""
    planted = Counter(mark.fault for each in figures for mark in each.planted)
    caught = Counter(mark.fault for each in figures for mark in each.code_alone)
    assert caught["invented-alias"] == planted["invented-alias"]
    assert caught["uncited"] == planted["uncited"]
    assert 0 < caught["number"] <= planted["number"]
    assert table([figures[0].row]).count("\n") == 2
    assert len(COLUMNS) == len(figures[0].row)
