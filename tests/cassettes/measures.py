"""What a run of a cassette shows: which marked sentences it published, what caught the planted ones, what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from experience.render import render_text
from gateway.cassette.places import begun_by, plain
from gateway.cassette.tape import Mark
from state.report import Report
from state.values import Support
from tests.cassettes.stage import Played, Stages, Unanimous


@dataclass(frozen=True)
class Measures:
    """The figures of one cassette.

    Args:
        played: the run as written.
        true: the sentences that are marked true.
        true_published: those of them that the report publishes.
        planted: the sentences that are marked false.
        planted_published: those of them that the report publishes.
        code_alone: planted sentences of the first draft that are left out although the judge supports everything.
    """

    played: Played
    true: tuple[Mark, ...]
    true_published: tuple[Mark, ...]
    planted: tuple[Mark, ...]
    planted_published: tuple[Mark, ...]
    code_alone: tuple[Mark, ...]

    @property
    def judge_caught(self) -> int:
        """How many planted sentences only the judge's verdict kept out."""
        caught = len(self.planted) - len(self.planted_published)
        return caught - sum(mark not in self.planted_published for mark in self.code_alone)

    @property
    def row(self) -> tuple[str, ...]:
        """The cassette's row of the table in docs/measurements.md."""
        cassette, report = self.played.cassette, self.played.report
        return (
            cassette.question,
            cassette.shows,
            f"{len(self.true_published)}/{len(self.true)}",
            f"{len(self.planted_published)}/{len(self.planted)}",
            str(len(self.code_alone)),
            str(self.judge_caught),
            report.status.value,
            str(report.usage.calls),
        )


COLUMNS = (
    "question",
    "shows",
    "true claims published",
    "planted published",
    "caught by code alone",
    "caught by the judge",
    "status",
    "calls",
)


async def measured(stages: Stages, name: str) -> Measures:
    """Return the figures of the cassette `name`."""
    played = await stages.play(name)
    # Without revisions: a sentence that the reviewer had taken out, or the writer left out, was not caught by code.
    agreed = await stages.play(name, Unanimous, revised=False)
    marks = played.cassette.mark
    true, planted = tuple(mark for mark in marks if mark.true), tuple(mark for mark in marks if not mark.true)
    return Measures(
        played=played,
        true=true,
        true_published=published(played, true),
        planted=planted,
        planted_published=published(played, planted),
        code_alone=tuple(mark for mark in planted if mark not in published(agreed, planted)),
    )


def published(played: Played, marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """Return the marks whose sentence is a claim of the report."""
    beginnings = [mark.sentence for mark in played.cassette.mark]
    shown = {begun_by(claim.text, beginnings) for claim in played.report.claims}
    return tuple(mark for mark in marks if mark.sentence in shown)


def verdicts_of(report: Report) -> dict[str, Support]:
    """Return the verdict of each published claim by its words."""
    return {plain(claim.text): Support(claim.verdict) for claim in report.claims}


def read_of(report: Report) -> str:
    """Return everything that a reader of the report sees: the text, what is open, what was left out, the sources."""
    return "\n".join([report.markdown, render_text(report), *report.gaps, *report.unresolved])


def table(rows: list[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> str:
    """Return a Markdown table."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
