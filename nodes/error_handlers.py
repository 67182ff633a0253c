"""Error handlers of the nodes: a run whose node fails still ends in a report.

LangGraph calls a handler after the node's retries are exhausted, and the node's own edges do not apply. So each handler
returns a `Command` that routes. The errors of models and services are classified in `gateway`, not here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from langgraph.errors import NodeError, NodeTimeoutError
from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite

from nodes.collaborators import run_id_of
from nodes.guard_input import fresh_run
from nodes.publish import emergency_report
from nodes.traced import record_transition
from nodes.writer import draft_of_quotes
from observability import operation_span
from state.channels import ResearchContext, ResearchState, RetrieveInput
from state.errors import SixplaneError
from state.values import Event, Status, Verification

logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Command[Any]]]


def code_of(error: BaseException) -> str:
    """Return the error's `code`; errors outside our tree are `node_timeout` or `internal`."""
    if isinstance(error, SixplaneError):
        return error.code
    return "node_timeout" if isinstance(error, NodeTimeoutError) else "internal"


async def branch_failed(
    state: RetrieveInput,
    error: NodeError,
    runtime: Runtime[ResearchContext],  # noqa: ARG001
) -> Command[Literal["guard_evidence"]]:
    """Record the failed branch; the other branches continue, and the report names it."""
    # For a `Send` branch the handler's state is the branch's own argument, not the graph's state.
    code = code_of(error.error)
    _log(error, code)
    with operation_span("execute_node", "retrieve", {"sixplane.node": "retrieve", "sixplane.handler": True}) as span:
        span.set_attribute("error.type", code)
        record_transition(span, "retrieve", "guard_evidence", code)
    event = Event(node="retrieve", kind="branch_failed", detail=f"{state['sub_question'].id}: {code}")
    return Command(update={"events": (event,)}, goto="guard_evidence")


async def input_failed(
    state: ResearchState,  # noqa: ARG001
    error: NodeError,
    runtime: Runtime[ResearchContext],
) -> Command[Literal["publish"]]:
    """Reset the per-run channels, which `guard_input` did not: else the report would show data of an earlier run."""
    update = _stopped("guard_input", error)
    _record("guard_input", "publish", update)
    return Command(
        update={**fresh_run(run_id_of(runtime)), **update, "events": Overwrite(update["events"])}, goto="publish"
    )


def to_publish(name: str) -> Handler:
    """Return the handler for a node that runs before there is a draft."""

    async def failed(
        state: ResearchState,  # noqa: ARG001
        error: NodeError,
        runtime: Runtime[ResearchContext],  # noqa: ARG001
    ) -> Command[Literal["publish"]]:
        update = _stopped(name, error)
        _record(name, "publish", update)
        return Command(update=update, goto="publish")

    return failed


def to_what_exists(name: str) -> Handler:
    """Return the handler for a node that runs when there are findings.

    It publishes the verified draft, or else the findings' quotes. Both still pass `guard_output`.
    """

    async def failed(
        state: ResearchState,
        error: NodeError,
        runtime: Runtime[ResearchContext],  # noqa: ARG001
    ) -> Command[Literal["guard_output", "publish"]]:
        update = {**_stopped(name, error), **_what_exists(state)}
        goto: Literal["guard_output", "publish"] = "publish"
        if update.get("draft", state.get("draft")) is not None:
            update["status"], goto = Status.PARTIAL, "guard_output"
        _record(name, goto, update)
        return Command(update=update, goto=goto)

    return failed


async def publish_failed(state: ResearchState, error: NodeError, runtime: Runtime[ResearchContext]) -> dict[str, Any]:
    """Return an emergency report: `publish` itself failed."""
    _log(error, code_of(error.error))
    execution = runtime.execution_info
    thread = (execution.thread_id if execution else None) or ""
    tenant = f"{runtime.context.tenant}/" if runtime.context else ""
    run_id = str(execution.run_id) if execution and execution.run_id else ""
    report = emergency_report(state, thread.removeprefix(tenant), run_id, code_of(error.error))
    _record("publish", "__end__", {"stop_reason": report.stop_reason})
    return {
        "report": report.model_dump(mode="json"),
        "status": report.status,
        "refusal": None,
        "noticed": (),
        "question": "",
    }


def _what_exists(state: ResearchState) -> dict[str, Any]:
    draft, verification = state.get("draft"), state.get("verification") or Verification()
    if draft is not None and verification.draft_hash == draft.hash:
        return {}
    return draft_of_quotes(state["findings"], state["aliases"]) if state.get("findings") else {"draft": None}


def _stopped(name: str, error: NodeError) -> dict[str, Any]:
    code = code_of(error.error)
    _log(error, code)
    event = Event(node=name, kind="node_failed", detail=_told(error.error, code))
    return {"status": Status.STOPPED, "stop_reason": code, "events": (event,)}


def _told(error: BaseException, code: str) -> str:
    """Return message and hint of an error of our tree, which never contain content; for other errors the code."""
    if not isinstance(error, SixplaneError):
        return code
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _log(error: NodeError, code: str) -> None:
    """Log the failure. A traceback is logged for bugs at DEBUG level only: it may quote a user's text."""
    internal = error.error if code == "internal" else None
    logger.warning(
        "node %s failed: %s", error.node, code, exc_info=internal if logger.isEnabledFor(logging.DEBUG) else None
    )


def _record(name: str, target: str, update: dict[str, Any]) -> None:
    reason = str(update.get("stop_reason", ""))
    with operation_span("execute_node", name, {"sixplane.node": name, "sixplane.handler": True}) as span:
        span.set_attribute("error.type", reason)
        record_transition(span, name, target, reason)
