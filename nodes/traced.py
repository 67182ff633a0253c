"""The wrapper around each node: its time limit, and a span per attempt with transitions, duration, notices and usage.

A wrapper and not callback handlers: those lose the parent span in asynchronous code (opentelemetry-python-genai #513).
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from langgraph.errors import NodeTimeoutError
from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite, Send
from opentelemetry.trace import Span

from gateway.ledger.account import accounted
from gateway.ledger.role_usage import by_role, collected_usage
from nodes.collaborators import account_of
from observability import collected_notices, operation_span
from state.values import Event, Usage

NodeCallable = Callable[..., Awaitable[Any]]


def traced(name: str, node: Any, *, to: Iterable[str] = ()) -> NodeCallable:
    """Return `node` inside an `execute_node` span.

    `functools.wraps` of the bound `__call__` keeps the signature, from which LangGraph reads the destinations and the
    input schema. `to` names the static edges; the span lists them after the targets of a `Command`.
    """
    static = tuple(to)

    @functools.wraps(node.__call__)
    async def run(state: Any, runtime: Runtime[Any], **rest: Any) -> Any:
        execution = runtime.execution_info
        attributes: dict[str, str | int] = {
            "sixplane.node": name,
            "sixplane.attempt": execution.node_attempt if execution else 1,
            "sixplane.task_id": execution.task_id if execution else "",
        }
        with (
            operation_span("execute_node", name, attributes) as span,
            accounted(account_of(runtime)),
            collected_notices() as notices,
            collected_usage() as used,
        ):
            began = time.monotonic()
            update = await node(state, runtime, **rest)
            _record_transitions(span, name, update, static)
            return _with_what_happened(update, name, began, notices, by_role(used))

    return run


def limited(name: str, node: NodeCallable, seconds: float | None) -> NodeCallable:
    """Return `node`, of which an attempt may take some seconds; `None`: as long as it likes.

    LangGraph's own limit starts two tasks for each attempt and copies its configuration, which takes as long as a small
    node. This one raises the same error, `NodeTimeoutError`.
    """

    @functools.wraps(node)
    async def run(state: Any, runtime: Runtime[Any], **rest: Any) -> Any:
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds) as limit:
                return await node(state, runtime, **rest)
        except TimeoutError as error:
            if not limit.expired():  # the node's own
                raise
            raise NodeTimeoutError(name, time.monotonic() - began, kind="run", run_timeout=seconds) from error

    return run


def record_transition(span: Span, source: str, target: str, reason: str = "") -> None:
    """Add the `transition` event to the leaving node's span."""
    span.add_event("transition", {"from": source, "to": target, **({"reason": reason} if reason else {})})


def _record_transitions(span: Span, name: str, update: Any, static: tuple[str, ...]) -> None:
    reason = ""
    targets: tuple[str, ...] = static
    if isinstance(update, Command):
        targets = (*_targets(update.goto), *static)
        changed = update.update if isinstance(update.update, dict) else {}
        reason = str(changed.get("stop_reason") or "")
    for target in dict.fromkeys(targets):
        record_transition(span, name, target, reason)


def _targets(goto: Any) -> list[str]:
    steps = goto if isinstance(goto, list | tuple) else [goto]
    return [step.node if isinstance(step, Send) else str(step) for step in steps if step]


def _with_what_happened(update: Any, name: str, began: float, notices: Sequence[Event], used: dict[str, Usage]) -> Any:
    """Return `update` with the duration and usage of this attempt, and with its notices as events of the report."""
    timing = {name: round((time.monotonic() - began) * 1000)}
    plain = update.update if isinstance(update, Command) else update
    changed = dict(plain) if isinstance(plain, dict) else {}
    told = tuple(event.model_copy(update={"node": name}) for event in notices)
    whole = {
        "timings_ms": timing,
        **changed,
        **({"events": _with_events(changed.get("events", ()), told)} if told else {}),
        **({"usage_by_role": _with_usage(changed.get("usage_by_role"), used)} if used else {}),
    }
    if isinstance(update, Command):
        return Command(graph=update.graph, update=whole, resume=update.resume, goto=update.goto)
    return whole


def _with_events(events: Any, told: tuple[Event, ...]) -> Any:
    """Return the events with the notices appended, each once; an `Overwrite` stays one."""
    if isinstance(events, Overwrite):
        return Overwrite(tuple(dict.fromkeys((*events.value, *told))))
    return (*events, *told)


def _with_usage(before: Any, used: dict[str, Usage]) -> Any:
    """Return what the attempt used; where the update resets the channel, the reset starts with it."""
    return Overwrite({**before.value, **used}) if isinstance(before, Overwrite) else used
