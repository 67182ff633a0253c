"""A chain of guards that fails closed: what a guard cannot answer does not pass.

The verdict then refuses, with the category `guard_unavailable`. Whoever reports it says that a service is unavailable
(`policy.verdict.refusal_of`), and not that the policy refused the text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeGuard

from observability import notice, operation_span
from policy.guard import Guard
from policy.masks import apply_masks, merge_masks
from policy.normalise import normalised
from policy.verdict import GUARD_UNAVAILABLE, Action, Screening, Stage, Verdict, strictest
from settings.pools import Stopwatch, measured
from state.report import PolicyRef

if TYPE_CHECKING:
    from settings.policy import PolicySettings

PREPARE_SECONDS = 120.0
"""How long guards may take to load. A chosen value, far above any import that was seen (Presidio's took more than ten
seconds on a busy machine): it only keeps a guard that hangs from holding a run for ever."""

QUEUE_SECONDS = 120.0
"""How long a guard may wait for a thread. A chosen value: a wait is no failure, but threads that hang must not hold a
run for ever."""

_UNNAMED = PolicyRef()
"""For a chain that is put together by hand."""

_log = logging.getLogger(__name__)


class GuardChain:
    """Runs all guards concurrently. One refusal refuses the text; redact overrides allow.

    A guard that raises, works longer than `settings.timeout_seconds` or returns anything but a valid `Verdict` counts
    as a refusal with the category `guard_unavailable`. The time that it waits for a thread does not count against it.
    If `dangerously_allow_when_guard_unavailable` is set, it counts as a permission, and each is logged. Cancelling
    `screen` cancels the guards and raises `CancelledError`.

    Args:
        guards: the guards.
        settings: the policy that they follow.
        reference: its version and hash, which each verdict names.
        candidate: the guards of a policy that is tried. They screen each text too. What they say is recorded, in the
            screening, the span and the report, and changes nothing. A guard that they lack is not asked twice.
    """

    def __init__(
        self,
        guards: Sequence[Guard],
        settings: PolicySettings,
        *,
        reference: PolicyRef = _UNNAMED,
        candidate: GuardChain | None = None,
    ) -> None:
        self.guards = tuple(guards)
        tried = candidate.reference if candidate else _UNNAMED
        self.reference: PolicyRef = reference.model_copy(
            update={"candidate_version": tried.version, "candidate_hash": tried.hash}
        )
        self._settings, self._candidate = settings, candidate
        self._prepared: set[int] = set()
        """The places of the guards that are prepared."""

    async def screen(self, text: str, stage: Stage) -> Screening:
        """Return the guards' combined result for `text`. Only questions are normalised: evidence is quoted verbatim."""
        given = normalised(text) if stage is Stage.QUESTION else text
        if not self.guards and self._candidate is None:  # no span tells of a screening that does not happen
            return self.combined(given, stage, ())
        with operation_span("guard", stage.value) as span:
            tried = self._candidate and asyncio.create_task(self._candidate.verdicts(given, stage))
            try:
                screening = self.combined(given, stage, await self.verdicts(given, stage))
                span.set_attributes(_attributes(screening, "sixplane.guard."))
                if self._candidate and tried:
                    screening = await self._compared(screening, given, stage, self._candidate, tried)
            finally:
                if tried:
                    tried.cancel()
            if screening.candidate:
                span.set_attributes(_attributes(screening.candidate, "sixplane.guard.candidate."))
            return screening

    def combined(self, given: str, stage: Stage, verdicts: tuple[Verdict, ...]) -> Screening:
        """Return the screening that `verdicts` on the text `given` amount to."""
        masks = merge_masks(mask for each in verdicts for mask in each.spans if each.action is Action.REDACT)
        kept = apply_masks(given, masks) if stage is Stage.QUESTION else given
        return Screening(text=kept, verdict=strictest(verdicts), verdicts=verdicts, masks=masks, policy=self.reference)

    async def _compared(
        self,
        screening: Screening,
        given: str,
        stage: Stage,
        candidate: GuardChain,
        tried: asyncio.Task[tuple[Verdict, ...]],
    ) -> Screening:
        """Return `screening` with what the candidate says, and give notice of what it would do otherwise."""
        # The verdict in force is known. Whoever waits for it waits for the candidate as long as for a guard, no longer.
        await asyncio.wait({tried}, timeout=self._settings.timeout_seconds)
        if not tried.done():
            _log.warning("the candidate policy gave no verdict in time")
            return screening
        own = {guard.name for guard in candidate.guards}
        shared = [each for guard, each in zip(self.guards, screening.verdicts, strict=True) if guard.name not in own]
        told = candidate.combined(given, stage, (*tried.result(), *shared))
        if told.effect != screening.effect:
            what = told.verdict.category or "allowed"
            notice("guard", f"would_{told.verdict.action.value}", f"{stage.value}: {what}")
        return screening.model_copy(update={"candidate": told})

    async def verdicts(self, text: str, stage: Stage) -> tuple[Verdict, ...]:
        """Return the guards' verdicts on a text as it is, in the order of the guards."""
        await self.prepare()
        tasks = [asyncio.create_task(self._asked(guard, text, stage)) for guard in self.guards]
        try:
            told = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return tuple(verdict.model_copy(update={"policy_hash": self.reference.hash}) for verdict in told)

    def unprepared(self) -> tuple[str, ...]:
        """Return the names of the guards that have not loaded what they need."""
        return tuple(guard.name for place, guard in enumerate(self.guards) if place not in self._prepared)

    async def warm(self) -> None:
        """Load all that the guards in force may need, and then those of a candidate, for which no question waits."""
        await self._load(lambda guard: guard.warm())
        if self._candidate:
            await self._candidate.warm()

    async def prepare(self) -> None:
        """Let each guard load what every text needs, within `PREPARE_SECONDS`; not again, where it is prepared."""
        await self._load(lambda guard: guard.prepare())

    async def _load(self, how: Callable[[Guard], Awaitable[None]]) -> None:
        # Loading must not count against the guard's timeout: on a slow machine a first import took longer, and the
        # question was refused. A guard that fails or hangs here is asked all the same: `check` runs into the fault
        # again, under its timeout, and then counts as a refusal.
        left = [place for place in range(len(self.guards)) if place not in self._prepared]
        tasks = {place: asyncio.create_task(_loaded(self.guards[place], how)) for place in left}
        try:
            if tasks:
                await asyncio.wait(tasks.values(), timeout=PREPARE_SECONDS)
        finally:
            for task in tasks.values():
                task.cancel()
        for place, task in tasks.items():
            if not task.done() or task.cancelled():
                continue
            if (error := task.exception()) is not None:
                _log.warning("a guard could not be prepared: %s", type(error).__name__)
            else:
                self._prepared.add(place)

    async def _asked(self, guard: Guard, text: str, stage: Stage) -> Verdict:
        """Return the verdict of one guard on a text as it is."""
        with measured() as watch:
            task = asyncio.create_task(_answer(guard, text, stage))
        try:
            late = not await _ended(task, watch, None if guard.bounds_itself else self._settings.timeout_seconds)
        finally:
            task.cancel()
        return self._verdict(guard, task, text, late=late)

    def _verdict(self, guard: Guard, task: asyncio.Task[object], text: str, *, late: bool) -> Verdict:
        if late:
            return self._unavailable(guard, "timed out")
        if task.cancelled():
            return self._unavailable(guard, "was cancelled")
        error = task.exception()
        if error is not None:
            return self._unavailable(guard, f"failed with {type(error).__name__}")
        answer: object = task.result()
        return answer if _is_sound(answer, text) else self._unavailable(guard, "returned no valid verdict")

    def _unavailable(self, guard: Guard, what: str) -> Verdict:
        reason = f"the guard {what}"
        if not self._settings.dangerously_allow_when_guard_unavailable:
            _log.warning("guard `%s` refuses: %s", guard.name, reason)
            return Verdict(action=Action.REFUSE, policy=guard.name, category=GUARD_UNAVAILABLE, reason=reason)
        _log.warning("guard `%s` is unavailable; its check is skipped, as configured: %s", guard.name, reason)
        return Verdict(action=Action.ALLOW, policy=guard.name, category=GUARD_UNAVAILABLE, reason=reason)


def _attributes(screening: Screening, prefix: str) -> dict[str, str]:
    """Return what a span says of a screening; no word of the text."""
    verdict, policy = screening.verdict, screening.policy
    return {
        f"{prefix}action": verdict.action.value,
        f"{prefix}policy": verdict.policy,
        f"{prefix}category": verdict.category,
        f"{prefix}policy_hash": policy.hash,
        f"{prefix}policy_version": policy.version,
    }


async def _ended(task: asyncio.Task[object], watch: Stopwatch, seconds: float | None) -> bool:
    """Wait until `task` ends, or has worked for `seconds`, and return whether it ended."""
    while not task.done():
        left = None if seconds is None else seconds - watch.worked
        if left is not None and (left <= 0 or watch.waited > QUEUE_SECONDS):
            return False
        # `asyncio.wait` and not `timeout`: it also returns if a guard swallows its cancellation.
        await asyncio.wait({task}, timeout=left)
    return True


async def _answer(guard: Guard, text: str, stage: Stage) -> object:
    """Run the guard inside a task, so that a `check` that is not a coroutine fails there too and not in the chain."""
    return await guard.check(text, stage)


async def _loaded(guard: Guard, how: Callable[[Guard], Awaitable[None]]) -> None:
    """Prepare or warm the guard inside a task, for the same reason."""
    await how(guard)


def _is_sound(answer: object, text: str) -> TypeGuard[Verdict]:
    """Whether `answer` is a verdict with spans inside `text`, and a redaction with at least one span."""
    if not isinstance(answer, Verdict) or not isinstance(answer.action, Action):
        return False
    inside = all(0 <= span.start <= span.end <= len(text) for span in answer.spans)
    return inside and (answer.action is not Action.REDACT or any(span.start < span.end for span in answer.spans))
