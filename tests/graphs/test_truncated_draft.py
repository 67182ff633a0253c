"""A draft whose end is missing: what is whole is published, and the report says so."""

from __future__ import annotations

from typing import Any

from gateway import Answer
from state.report import Report
from tests.doubles.roles import scripted

QUESTION = "When did the Falcon project start?"
TEXT = "The Falcon project started in 2019. [E1]"


def writer(*drafts: Answer) -> Any:
    """Return a writer that gives `drafts` one after the other, then the last again."""
    said = list(drafts)
    return lambda *_: said.pop(0) if len(said) > 1 else said[0]


def cut(text: str) -> Answer:
    """Return `text` as the first half of a draft that is cut off there."""
    return Answer(text + " " * len(text), truncated=True)


async def test_a_draft_that_stays_cut_off_is_published_in_part_and_told(build: Any, ask: Any) -> None:
    graph = build(scripted(WrittenDraft=writer(cut(f"{TEXT} It cost 4"))))
    report = Report.model_validate(await ask(graph, QUESTION))
    assert (report.status, report.stop_reason) == ("partial", "draft_truncated")
    assert [claim.text for claim in report.claims] == ["The Falcon project started in 2019."]
    assert [(event.node, event.kind) for event in report.events] == [("writer", "draft_truncated")]
    assert "It cost 4" not in report.markdown
    assert report.usage_by_role["writer"].calls == 2


async def test_a_draft_that_was_continued_is_whole(build: Any, ask: Any) -> None:
    graph = build(scripted(WrittenDraft=writer(cut(f"{TEXT} Its bud"), Answer(TEXT))))
    report = Report.model_validate(await ask(graph, QUESTION))
    assert (report.status, report.events) == ("answered", ())


async def test_a_revision_that_is_whole_replaces_a_draft_that_was_cut_off(build: Any, ask: Any) -> None:
    objection = {"severity": "major", "remedy": "be shorter"}
    verdicts = [{"verdict": "revise", "findings": [objection]}, {"verdict": "approve", "findings": []}]
    graph = build(
        scripted(
            WrittenDraft=writer(cut(f"{TEXT} It cost 4"), cut(f"{TEXT} It cost 4"), Answer(TEXT)),
            Review=lambda *_: verdicts.pop(0),
        )
    )
    report = Report.model_validate(await ask(graph, QUESTION))
    assert (report.status, report.revisions) == ("answered", 1)
    assert [event.kind for event in report.events] == ["draft_truncated"]
