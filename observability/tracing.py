"""Spans with the names of OpenTelemetry's GenAI conventions where these exist, and `sixplane.*` otherwise.

`POST /v1/chat` (the server's) → `invoke_workflow research` → `execute_node <name>` → `chat <model>` |
`embeddings <model>` | `retrieval <corpus>` | `guard <stage>`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Literal, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode

from observability.watching import OperationEnded, is_heard, tell
from state.errors import SixplaneError

Operation = Literal["invoke_workflow", "execute_node", "chat", "embeddings", "rerank", "retrieval", "guard", "search"]
AttributeValue = str | bool | int | float

Made = TypeVar("Made")

_LINKED = otel_context.create_key("sixplane-linked")
"""The span of another trace, to which the next span that begins a trace is linked."""

_KINDS: Mapping[str, SpanKind] = dict.fromkeys(("chat", "embeddings", "rerank", "retrieval", "search"), SpanKind.CLIENT)


@contextmanager
def operation_span(
    operation: Operation,
    target: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    links: tuple[Link, ...] = (),
    current: bool = True,
) -> Iterator[Span]:
    """Open the span `<operation> <target>` as a child of the current span, and close it at the end of the block.

    An error sets the span's status and `error.type` (our `code`, or the class name). Its text is left out, since it may
    quote what a user wrote; for the same reason OpenTelemetry's own recording of exceptions is off.

    The block is within the span unless `current` is false. A generator that yields in the block says by `within` and
    `made_within` what is.
    """
    span = _tracer().start_span(
        f"{operation} {target}",
        kind=_KINDS.get(operation, SpanKind.INTERNAL),
        attributes={"gen_ai.operation.name": operation, **(attributes or {})},
        links=(*links, *_linked()),
    )
    began, failed = time.monotonic(), ""
    try:
        with within(span) if current else nullcontext():
            yield span
    except BaseException as error:  # also marks cancellations; always raised again
        mark_failed(span, error)
        failed = "" if _is_outcome(error) else _kind_of(error)
        raise
    finally:
        span.end()
        if is_heard():
            known = getattr(span, "attributes", None) or attributes or {}
            seconds = time.monotonic() - began
            tell(
                OperationEnded(
                    operation=operation, target=target, seconds=seconds, attributes=dict(known), error=failed
                )
            )


def within(span: Span) -> AbstractContextManager[Span]:
    """Make `span` the current one during a block, and leave it open."""
    return trace.use_span(span, record_exception=False, set_status_on_exception=False)


async def made_within(span: Span, events: AsyncGenerator[Made]) -> AsyncGenerator[Made]:
    """Yield `events`, with `span` as the current one while they are made, but not while their reader works.

    Around a `yield`, a block would put the span into the context of the reader, and could not be left in another one:
    where a reader leaves before the end, the event loop closes the generator in a task of its own.
    """
    try:
        while True:
            with within(span):
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    return
            yield event
    finally:
        with within(span):
            await events.aclose()


@contextmanager
def apart(other: SpanContext) -> Iterator[None]:
    """Let what the block does begin traces of its own, each with a link to the span `other`.

    The ids of our traces are ours: a client that sends one id with all its requests does not mix them into one trace.
    """
    own = otel_context.set_value(_LINKED, other if other.is_valid else None, trace.set_span_in_context(INVALID_SPAN))
    token = otel_context.attach(own)
    try:
        yield
    finally:
        otel_context.detach(token)


@contextmanager
def untraced() -> Iterator[None]:
    """Let no span of the block be recorded."""
    # The SDK samples as the parent does: a parent that is not sampled, with ids that mean nothing, switches it off.
    off = NonRecordingSpan(SpanContext(1, 1, is_remote=False))
    with trace.use_span(off):
        yield


def server_span(method: str) -> Span:
    """Start the span of a request. Who starts it ends it; a span that is never ended is not exported."""
    attributes = {"http.request.method": method}
    return _tracer().start_span(method, kind=SpanKind.SERVER, attributes=attributes, links=_linked())


def _tracer() -> trace.Tracer:
    return _tracer_of(trace.get_tracer_provider(), trace.get_tracer)


@lru_cache(maxsize=1)
def _tracer_of(provider: trace.TracerProvider, make: Callable[[str], trace.Tracer]) -> trace.Tracer:  # noqa: ARG001
    """Return our tracer. It is kept, by its provider: to make one takes longer than to start a span."""
    return make("sixplane")


def _linked() -> tuple[Link, ...]:
    other = otel_context.get_value(_LINKED)
    begins = not trace.get_current_span().get_span_context().is_valid
    return (Link(other),) if begins and isinstance(other, SpanContext) else ()


def mark_failed(span: Span, error: BaseException) -> None:
    """Set the error status, without the error's text.

    LangGraph uses exceptions for control flow: those are recorded as an outcome, not as an error. They are compared by
    name, so that this package does not load LangGraph.
    """
    if _is_outcome(error):
        span.set_attribute("sixplane.outcome", type(error).__name__)
        return
    kind = _kind_of(error)
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, kind))


def _is_outcome(error: BaseException) -> bool:
    return type(error).__name__ in {"GraphInterrupt", "GraphDrained", "ParentCommand"}


def _kind_of(error: BaseException) -> str:
    return error.code if isinstance(error, SixplaneError) else type(error).__name__


def trace_id_of(span: Span) -> str:
    """Return the span's trace id as 32 hex digits."""
    return format(span.get_span_context().trace_id, "032x")
