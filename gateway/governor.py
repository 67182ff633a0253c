"""Every call goes through these steps: memo → reserve → rate limit → provider → settle → telemetry.

Chat models, embeddings, rerankers, guardrails and managed sources all use it, so all are charged and limited alike. It
is the only place that retries (the SDKs' own are off), and one deadline covers all attempts and waits of a call.
"""

from __future__ import annotations

import asyncio
import random
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span

from gateway.catalog import ModelEntry
from gateway.ledger.role_usage import report_usage
from gateway.limiter import Limiter, limiter_of
from gateway.planned_call import Answer, PlannedCall
from gateway.provider_error import Classify, FailureKind, ProviderError, ProviderFailure
from gateway.replies.reply import Heard, listening, reply_in
from observability import CallObserved, CallTelemetry, notice, operation_span
from state.errors import (
    ContentRefused,
    CredentialsRefused,
    ModelOutputInvalid,
    ModelUnavailable,
    PromptTooLong,
    SixplaneError,
)
from state.money import dollars
from state.values import Usage

if TYPE_CHECKING:  # the ledger imports SQLAlchemy, which only an opened gateway needs
    from gateway.ledger.attempts import Reservation
    from gateway.ledger.ledger import Ledger
    from settings import Settings

MAX_BACKOFF_SECONDS = 20.0
"""A chosen value: several attempts must fit into the default deadline of 240 seconds."""


@dataclass
class _Course:
    """The progress of one call: its deadline on the monotonic clock, its attempts and their cost."""

    began: float
    deadline: float
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    memo: bool = False
    recalled: Usage | None = None
    request_id: str = ""
    failed: ProviderFailure | None = None

    def left(self) -> float:
        """Return the seconds until the deadline, at least a millisecond: `wait_for` needs a positive timeout."""
        return max(self.deadline - time.monotonic(), 0.001)


class Governor:
    """Makes calls. Create one per process; it uses the ledger and the telemetry but does not close them."""

    def __init__(
        self, settings: Settings, ledger: Ledger, classify: Classify, *, telemetry: CallTelemetry | None = None
    ) -> None:
        # `classify` is passed in because it knows every provider, and the providers themselves import this module.
        self.settings, self.ledger, self._classify = settings, ledger, classify
        self._telemetry = telemetry
        # Weak values: a lock lives as long as calls hold or await it, so the dictionary cannot grow without end.
        self._turns: weakref.WeakValueDictionary[tuple[int, str], asyncio.Lock] = weakref.WeakValueDictionary()

    async def call(self, planned: PlannedCall[Answer]) -> Answer:
        """Make the call and return its answer.

        Raises:
            BudgetExceeded: a scope's limit does not cover the call.
            ModelUnavailable: all attempts failed, or the deadline passed.
            ModelOutputInvalid: the provider broke its own format.
            ContentRefused: a content filter of the provider refused the request, or ended the answer.
            CredentialsRefused: the provider does not accept the credentials.
            PromptTooLong: the provider says that the prompt does not fit.
            PriceUnknown: the catalogue has no price for the model.
        """
        now = time.monotonic()
        course = _Course(began=now, deadline=now + self.settings.models.deadline_seconds)
        status = "ok"
        with operation_span(planned.operation, planned.entry.id, planned.attributes) as span:
            try:
                async with self._turn(planned.key):
                    return await self._attempts(span, planned, course)
            except BaseException as error:  # recorded, even a cancellation, and always raised again
                status = error.code if isinstance(error, SixplaneError) else type(error).__name__
                raise
            finally:
                report_usage(planned.role or planned.operation, planned.key, course.usage, recalled=course.recalled)
                self._observed(span, planned, course, status)

    async def _attempts(self, span: Span, planned: PlannedCall[Answer], course: _Course) -> Answer:
        while True:
            course.attempts += 1
            try:
                return await self._attempt(span, planned, course)
            except ProviderError as error:
                failure = error.failure
                told: dict[str, int | str] = {
                    "attempt": course.attempts,
                    "reason": failure.reason,
                    "error.type": _ERRORS[failure.kind].code,
                }
                span.add_event("sixplane.attempt_failed", {**told, **failure.attributes()})
                if not await self._may_try_again(course, failure):
                    course.request_id = failure.reply.request_id if failure.reply else ""
                    span.set_attributes(failure.attributes())
                    raise _ended(planned.told, failure, course.attempts) from error.__cause__

    async def _attempt(self, span: Span, planned: PlannedCall[Answer], course: _Course) -> Answer:
        held = await self._reserved(planned)
        course.memo = held.answer is not None
        span.set_attribute("sixplane.memo", "hit" if course.memo else "miss")
        if held.answer is not None and planned.load is not None:
            remembered = planned.load(held.answer)
            course.recalled = planned.measure(remembered)
            return remembered
        answer, usage, memo = await self._provided(planned, course, held)
        course.usage += usage
        course.request_id = planned.request_id(answer) if planned.request_id else ""
        if not self.ledger.settle_at_once(held, usage, memo):
            # In a task of its own: the answer is paid for, so a cancellation must not lose its settlement and memo.
            settled = self.ledger.settle(held, usage, memo, patience_seconds=course.left())
            await self.ledger.finishing.run(settled)
        if usage.cost_micro_usd > held.amount:
            _exceeded(span, planned, held.amount, usage.cost_micro_usd)
        if planned.observe:
            planned.observe(span, answer)
        return answer

    def _turn(self, key: str) -> asyncio.Lock:
        """Return the lock of calls with this key: the second call waits for the first and finds its answer in the memo.

        Without the lock, the second reservation would look like the repetition of a call whose process died, and the
        ledger would charge the first in full. An `asyncio.Lock` serves one loop, hence the loop in the key.
        """
        named = (id(asyncio.get_running_loop()), key)
        turn = self._turns.get(named) or asyncio.Lock()
        self._turns[named] = turn
        return turn

    async def _reserved(self, planned: PlannedCall[Answer]) -> Reservation:
        """Reserve the cost of an attempt; after a cancellation, free the reservation again.

        The transaction runs in a thread, which a cancellation does not stop: it may reserve after its caller has left.
        """
        most, operation = planned.most, planned.operation
        wanted = self.ledger.wanted(
            planned.account, planned.key, most.cost_micro_usd, operation, planned.entry.id, most
        )
        if (held := self.ledger.reserve_at_once(wanted)) is not None:
            return held
        reserving = asyncio.ensure_future(self.ledger.reserve_wanted(wanted))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            await self.ledger.finishing.run(self._freed(reserving))
            raise

    async def _freed(self, reserving: asyncio.Future[Reservation]) -> None:
        with suppress(SixplaneError):  # if reserving failed, there is nothing to free
            held = await reserving
            if held.answer is None:
                await self.ledger.settle(held, Usage(), None, state="free")

    async def _provided(
        self, planned: PlannedCall[Answer], course: _Course, held: Reservation
    ) -> tuple[Answer, Usage, str | None]:
        """Call the provider once, within the rate limit, and return answer, usage and memo text.

        A failed attempt is settled here: it is free if it certainly got no answer, and charged in full if the provider
        may have answered.
        """
        with listening(planned.sent) as heard:
            return await self._asked(planned, course, held, heard)

    async def _asked(
        self, planned: PlannedCall[Answer], course: _Course, held: Reservation, heard: Heard
    ) -> tuple[Answer, Usage, str | None]:
        limiter = self._limiter(planned.entry)
        sent = False

        async def asked() -> Answer:
            nonlocal sent
            await asyncio.sleep(0)  # a cancellation that is due arrives here, before anything is sent
            sent = True
            return await planned.ask()

        try:
            size = planned.most.input_chars + planned.most.output_chars
            async with asyncio.timeout(course.left()):
                grant = await limiter.acquire(size)
            async with asyncio.timeout(min(self.settings.models.timeout_seconds, course.left())):
                answer = await asked()
            used, memo = planned.measure(answer), planned.dump(answer) if planned.dump else None
        except asyncio.CancelledError:
            await self.ledger.finishing.run(self._lost(held, course, charged=sent))
            raise
        except Exception as error:  # SDKs raise all kinds: each is classified, charged and raised again
            failure = self._classify(error) if sent else _no_room(error, course.failed)
            charged = sent and (failure is None or failure.billed)
            await self.ledger.finishing.run(self._lost(held, course, charged=charged))
            if failure is None:
                raise
            if sent:
                failure = replace(failure, reply=reply_in(error, heard))
            course.failed = failure
            if failure.throttled:
                limiter.throttled(failure.retry_after)
            raise ProviderError(failure) from error
        grant.settle(used.input_chars + used.output_chars)
        limiter.succeeded()
        return answer, used, memo

    async def _lost(self, held: Reservation, course: _Course, *, charged: bool) -> None:
        usage = Usage(calls=1, cost_micro_usd=held.amount if charged else 0)
        course.usage += usage
        state = "charged" if charged else "free"
        await self.ledger.settle(held, usage, None, state=state, patience_seconds=course.left())

    def _limiter(self, entry: ModelEntry) -> Limiter:
        requests, characters = self.settings.limits.per_minute(entry.provider)
        return limiter_of(entry.provider, entry.id, requests, characters)

    async def _may_try_again(self, course: _Course, failure: ProviderFailure) -> bool:
        """Wait until the next attempt may start; return `False` if none is left or it would start too late."""
        if not failure.transient or course.attempts >= self.settings.models.max_attempts:
            return False
        wait = wait_seconds(course.attempts, failure)
        if max(wait, failure.retry_after) >= course.left():
            return False
        await asyncio.sleep(wait)
        return True

    def _observed(self, span: Span, planned: PlannedCall[Answer], course: _Course, status: str) -> None:
        if not course.memo:
            _describe(span, course)
        if self._telemetry is None:
            return
        context = span.get_span_context()
        self._telemetry.observe(
            CallObserved(
                operation=planned.operation,
                model=planned.entry.id,
                provider=planned.entry.provider,
                status=status,
                latency_ms=round((time.monotonic() - course.began) * 1000),
                role=planned.role,
                attempts=course.attempts,
                memo=course.memo,
                request_id=course.request_id,
                trace_id=format(context.trace_id, "032x"),
                span_id=format(context.span_id, "016x"),
                **course.usage.model_dump(exclude={"calls"}),
            )
        )


def _describe(span: Span, course: _Course) -> None:
    span.set_attributes(
        {
            "sixplane.attempts": course.attempts,
            "gen_ai.usage.input_tokens": course.usage.input_tokens,
            "gen_ai.usage.output_tokens": course.usage.output_tokens,
            "sixplane.cost_micro_usd": course.usage.cost_micro_usd,
        }
    )
    if course.request_id:
        span.set_attribute("sixplane.request_id", course.request_id)


def _exceeded(span: Span, planned: PlannedCall[Any], reserved: int, cost: int) -> None:
    """Flag an answer that cost more than was reserved for it. A limit that it exceeds refuses every further call."""
    span.set_attribute("sixplane.reserved_micro_usd", reserved)
    detail = (
        f"an answer of {planned.entry.id} cost {dollars(cost)} USD, for which {dollars(reserved)} USD were reserved"
    )
    notice(planned.role or planned.operation, "reservation_exceeded", detail)


def wait_seconds(attempt: int, failure: ProviderFailure) -> float:
    """Return the seconds to wait after a failed attempt: exponential with jitter, and at least `retry_after`.

    After a 429 it is zero, since the model's limiter is paused for all callers and the next attempt waits there.
    """
    if failure.throttled:
        return 0.0
    jittered = random.uniform(0.5, 1.0) * min(0.25 * 2.0**attempt, MAX_BACKOFF_SECONDS)  # noqa: S311 - spreads load, guards nothing
    return max(jittered, failure.retry_after)


def _no_room(error: Exception, before: ProviderFailure | None) -> ProviderFailure | None:
    """Return the failure of a call that waited for the rate limit until its deadline.

    If an earlier attempt failed, its failure says more about the cause than the wait does.
    """
    if not isinstance(error, TimeoutError):
        return None
    if before is not None:
        return replace(before, transient=False, billed=False, throttled=False)
    hint = "raise SIXPLANE_LIMITS__PRESET, run fewer calls at once, or raise SIXPLANE_MODELS__DEADLINE_SECONDS"
    return ProviderFailure("its rate limit left no room before the deadline", transient=False, billed=False, hint=hint)


_ERRORS: dict[FailureKind, type[SixplaneError]] = {
    "outage": ModelUnavailable,
    "malformed": ModelOutputInvalid,
    "refused": ContentRefused,
    "credentials": CredentialsRefused,
    "too_long": PromptTooLong,
}


def _ended(asked: str, failure: ProviderFailure, attempts: int) -> SixplaneError:
    """Return the error of a call that failed for good."""
    tries = "" if attempts == 1 else f" {attempts} times"
    return _ERRORS[failure.kind](f"{asked} failed{tries}: {failure.told}", hint=failure.hint)
