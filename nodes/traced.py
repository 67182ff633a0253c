"""The wrapper around each node, applied where the graph is wired: a span per attempt, its transitions, its time."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Command, Send
from opentelemetry.trace import Span

from observability import operation_span

NodeCallable = Callable[..., Awaitable[Any]]


def traced(name: str, node: Any, *, to: Iterable[str] = ()) -> NodeCallable:
    """Return `node` inside an `execute_node` span.

    `functools.wraps` of the bound `__call__` keeps the signature, from which LangGraph reads destinations and the
    input schema. `to` names the static edges; a `Command`'s own targets go before it.
    """

    @functools.wraps(node.__call__)
    async def run(state: Any, runtime: Runtime[Any], **rest: Any) -> Any:
        execution = runtime.execution_info
        attributes: dict[str, str | int] = {
            "sixplane.node": name,
            "sixplane.attempt": execution.node_attempt if execution else 1,
            "sixplane.task_id": execution.task_id if execution else "",
        }
        with operation_span("execute_node", name, attributes) as span:
            began = time.monotonic()
            update = await node(state, runtime, **rest)
            _record_transitions(span, name, update, tuple(to))
            return _with_timing(update, name, began)

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


def _with_timing(update: Any, name: str, began: float) -> Any:
    timing = {name: round((time.monotonic() - began) * 1000)}
    if isinstance(update, Command):
        changed = update.update if isinstance(update.update, dict) else {}
        return Command(
            graph=update.graph, update={"timings_ms": timing, **changed}, resume=update.resume, goto=update.goto
        )
    return {"timings_ms": timing, **(update or {})}
