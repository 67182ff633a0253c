"""Follows a run to its end and prints the result, for `research` and `resume`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from experience.cli.errors import tell_stop
from experience.cli.output import is_terminal, note, print_json, say
from experience.cli.progress import node_progress
from experience.cli.running import Drain, on_signals
from experience.exits import Exit, report_status
from state.errors import CorpusMissing

if TYPE_CHECKING:
    from experience.service import ResearchService
    from experience.service.events import RunEvent
    from settings import Settings
    from state.report import Report

TRACES = "traces"


@dataclass
class Outcome:
    """How a run ended: with a report, waiting for a person, or stopped."""

    thread_id: str = ""
    report: Report | None = None
    pending: dict[str, Any] = field(default_factory=dict)
    roots: Mapping[str, Path] = field(default_factory=dict)
    """The folders of the corpus's source roots, by name."""

    def take(self, event: RunEvent) -> None:
        """Update the outcome with an event."""
        if event.type in ("run_started", "review_pending", "stopped"):
            self.thread_id = event.thread_id
        if event.type == "report":
            self.report = event.report
        elif event.type == "review_pending":
            self.pending = event.model_dump(mode="json", exclude={"sequence", "type"})


async def follow(service: ResearchService, events: AsyncIterator[RunEvent], tenant: str) -> Outcome:
    """Follow the run and return its outcome. SIGINT and SIGTERM drain it; its thread can then be resumed."""
    outcome = Outcome()
    with on_signals(Drain(service.request_drain)), node_progress() as progress:
        async for event in events:
            progress(event)
            outcome.take(event)
    if outcome.report is not None and outcome.report.corpus is not None:
        with suppress(CorpusMissing):  # it may have been deleted since
            outcome.roots = await (await service.corpora.get(tenant, outcome.report.corpus.name)).root_folders()
    return outcome


def conclude(outcome: Outcome, settings: Settings, *, out: Path | None, json_output: bool) -> None:
    """Print the outcome, write the report's files, and end the command with its exit status."""
    if outcome.report is None:
        _tell_unfinished(outcome, json_output=json_output)
        raise typer.Exit(Exit.STOPPED)
    if out is not None:
        from experience.render import write_report

        for path in write_report(outcome.report, out, outcome.roots):
            note(f"written: {path}")
    if json_output:
        print_json(outcome.report.model_dump(mode="json"))
    else:
        print_report(outcome.report, settings.home)
    tell_stop(outcome.report)  # after the report, so that the reason is the last thing on the terminal
    raise typer.Exit(report_status(outcome.report))


def print_report(report: Report, home: Path) -> None:
    """Print the answer, its sources, and the lines of `closing_lines`."""
    from experience.render import render_text

    body = render_text(report)
    if is_terminal():
        from experience.cli.terminal import print_markdown  # with rich's Markdown, which no other command needs

        print_markdown(body)
    else:
        say(body)
    say()
    for line in closing_lines(report, home):
        say(line)


def closing_lines(report: Report, home: Path) -> list[str]:
    """Return lines with status, usage, thread and the path of the trace."""
    from experience.render import usage_line

    return [
        f"status: {report.status.value}" + (f" ({report.stop_reason})" if report.stop_reason else ""),
        f"usage: {usage_line(report.usage)}",
        f"thread: {report.thread_id}",
        f"trace: {report.trace_id} in {home / TRACES}",
    ]


def _tell_unfinished(outcome: Outcome, *, json_output: bool) -> None:
    thread = outcome.thread_id
    if json_output:
        state = "review_pending" if outcome.pending else "stopped"
        print_json({**outcome.pending, "status": state, "thread_id": thread})
    if not outcome.pending:
        note(f"stopped: `sixplane resume {thread}` continues it")
        return
    if not json_output:
        say(str(outcome.pending.get("draft", "")))
    tell_review(thread, outcome.pending)


def tell_review(thread: str, pending: Mapping[str, Any]) -> None:
    """Say on standard error what the reviewer found, and how a person answers the draft that waits."""
    for finding in pending.get("findings", ()):
        note(f"reviewer: {_finding(finding)}")
    command = f"sixplane resume {thread} --review-id {pending['review_id']}"
    note(f"waiting for your review: `{command}` with --approve, --revise TEXT or --reject")


def _finding(finding: Any) -> str:
    if not isinstance(finding, dict):
        return str(finding)
    subject = finding.get("claim_id") or "draft"
    return f"{subject}: {finding.get('severity', '')}: {finding.get('remedy', '')}"
