"""The tools of research.

MCP clients give up a slow tool call (modelcontextprotocol/python-sdk #212 and #463), and a run can take minutes. So no
tool waits for a whole run: `research_start` returns an id at once, and `research_result` waits a bounded time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

from experience.exits import kind_of
from experience.mcp.callers import Callers
from experience.mcp.hints import hint_for_agents
from experience.mcp.server import ADDS, READS, SETTLES, tool
from experience.mcp.values import (
    Corpus,
    NewThread,
    Options,
    Question,
    ReviewId,
    RunId,
    RunResult,
    RunStatus,
    ThreadId,
    Wait,
)
from experience.service.events import NodeFinished, RunFailed
from settings.faults import faults_of
from state.errors import BadInput, SixplaneError
from state.values import ReviewAnswer

if TYPE_CHECKING:  # they load LangGraph, which an `initialize` must not wait for
    from experience.service.runs import Run
    from state.channels import ResearchContext

STEPS = 10
"""Expected number of nodes in a run, used as the total of progress notifications. An estimate: loops add nodes."""


def research_tools(callers: Callers) -> list[Tool]:
    """Return the tools that start and resume runs, and those that watch and stop them."""

    async def research_start(
        ctx: Context[Any],
        question: Question,
        corpus: Corpus = "default",
        thread_id: NewThread = None,
        context: Options = None,
    ) -> RunStatus:
        """Start answering a question from a corpus and return at once."""
        desk, principal = await callers.of(ctx)
        from experience.service.models import ResearchRequest

        chosen = _context({**(context or {}), "corpus": corpus})
        return status_of(
            await desk.start(principal, ResearchRequest(question=question, thread_id=thread_id, context=chosen))
        )

    async def research_resume(
        ctx: Context[Any],
        thread_id: ThreadId,
        decision: Literal["approve", "revise", "reject"] | None = None,
        text: str = "",
        review_id: ReviewId = "",
    ) -> RunStatus:
        """Continue a stopped thread, or answer its review with a `decision`; `text` tells what to revise."""
        desk, principal = await callers.of(ctx)
        answer = ReviewAnswer(decision=decision, text=text, review_id=review_id) if decision else None
        return status_of(await desk.resume(principal, thread_id, answer))

    return [
        tool(research_start, ADDS, "Start a run"),
        tool(research_resume, ADDS, "Resume a run or answer its review"),
        *_watching_tools(callers),
    ]


def _watching_tools(callers: Callers) -> list[Tool]:
    async def research_status(ctx: Context[Any], run_id: RunId) -> RunStatus:
        """Return the state of a run."""
        desk, principal = await callers.of(ctx)
        return status_of(await desk.run(principal, run_id))

    async def research_result(ctx: Context[Any], run_id: RunId, wait_seconds: Wait = 30) -> RunResult:
        """Wait up to `wait_seconds` for a run, with progress notifications, and return its report if it has ended."""
        desk, principal = await callers.of(ctx)
        run = await desk.run(principal, run_id)
        await _watched(run, ctx, wait_seconds)
        return RunResult(**status_of(run).model_dump(), report=run.report)

    async def research_cancel(ctx: Context[Any], run_id: RunId) -> RunStatus:
        """Stop a run after its current step. Its thread can be resumed."""
        desk, principal = await callers.of(ctx)
        return status_of(await desk.cancel(principal, run_id))

    return [
        tool(research_status, READS, "State of a run"),
        tool(research_result, READS, "Report of a run"),
        tool(research_cancel, SETTLES, "Stop a run"),
    ]


def _context(given: dict[str, Any]) -> ResearchContext:
    """Return the context. Raises `BadInput` that lists the invalid fields."""
    from state.channels import ResearchContext

    try:
        return ResearchContext(**given)
    except ValidationError as error:
        hint = "the schema of `research_start` lists the options"
        raise BadInput(f"the context is invalid: {faults_of(error)}", hint=hint) from error


def status_of(run: Run) -> RunStatus:
    """Return the state of `run` as an agent reads it."""
    return RunStatus(
        run_id=run.id,
        thread_id=run.thread_id,
        status=run.status,
        nodes=[event.node for event in run.events if isinstance(event, NodeFinished)],
        message=_message(run),
        pending=run.review or None,
    )


def _message(run: Run) -> str:
    if run.report:
        return run.report.stop_reason
    if run.review:
        return "the run waits for a review: call `research_resume` with a decision"
    if not isinstance(run.ending, RunFailed):
        return ""
    return f"{run.ending.message}; {hint_for_agents(kind_of(run.ending.code) or SixplaneError, run.ending.hint)}"


async def _watched(run: Run, ctx: Context[Any], seconds: float) -> None:
    """Wait at most `seconds` for a run to end, and send a progress notification for each node that finishes."""
    if run.elsewhere:  # only the process that owns the run has its events; the client gets the status `running`
        return
    done = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for event in run.watch():
                if isinstance(event, NodeFinished):
                    done += 1
                    await ctx.report_progress(done, max(STEPS, done), event.node)
