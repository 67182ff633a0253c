"""A chain of guards that fails closed: a guard that cannot answer counts as a refusal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TypeGuard

from observability import operation_span
from policy.guard import Guard
from policy.masks import apply_masks, merge_masks
from policy.normalise import normalised
from policy.verdict import Action, Screening, Stage, Verdict, strictest
from settings.policy import PolicySettings
from state.report import PolicyRef

GUARD_UNAVAILABLE = "guard_unavailable"

PREPARE_SECONDS = 120.0
"""How long guards may take to load. A chosen value, far above any import that was seen (Presidio's took more than ten
seconds on a busy machine): it only keeps a guard that hangs from holding a run for ever."""

_UNNAMED = PolicyRef()
"""For a chain that is put together by hand."""

_log = logging.getLogger(__name__)


class GuardChain:
    """Runs all guards concurrently. One refusal refuses the text; redact overrides allow.

    A guard that raises, takes longer than `settings.timeout_seconds` or returns anything but a valid `Verdict` counts
    as a refusal with the category `guard_unavailable`. If `dangerously_allow_when_guard_unavailable` is set, it counts
    as a permission, and each is logged. Cancelling `screen` cancels the guards and raises `CancelledError`.
    """

    def __init__(self, guards: Sequence[Guard], settings: PolicySettings, *, reference: PolicyRef = _UNNAMED) -> None:
        self.guards = tuple(guards)
        self.reference = reference
        self._settings = settings

    async def screen(self, text: str, stage: Stage) -> Screening:
        """Return the guards' combined result for `text`. Only questions are normalised: evidence is quoted verbatim."""
        with operation_span("guard", stage.value) as span:
            given = normalised(text) if stage is Stage.QUESTION else text
            verdicts = await self._ask_all(given, stage)
            verdict = strictest(verdicts)
            span.set_attribute("sixplane.guard.action", verdict.action.value)
            span.set_attribute("sixplane.guard.policy", verdict.policy)
            span.set_attribute("sixplane.guard.category", verdict.category)
            span.set_attribute("sixplane.guard.policy_hash", self.reference.hash)
            span.set_attribute("sixplane.guard.policy_version", self.reference.version)
            masks = merge_masks(mask for each in verdicts for mask in each.spans if each.action is Action.REDACT)
            kept = apply_masks(given, masks) if stage is Stage.QUESTION else text
            return Screening(text=kept, verdict=verdict, verdicts=verdicts, masks=masks, policy=self.reference)

    async def _ask_all(self, text: str, stage: Stage) -> tuple[Verdict, ...]:
        """Return the guards' verdicts, in the order of the guards."""
        await self._prepare_all()
        tasks = [asyncio.create_task(_answer(guard, text, stage)) for guard in self.guards]
        bounded = [task for guard, task in zip(self.guards, tasks, strict=True) if not guard.bounds_itself]
        late: set[asyncio.Task[object]] = set()
        try:
            if bounded:
                # `asyncio.wait` and not `timeout`: it also returns if a guard swallows its cancellation.
                _, late = await asyncio.wait(bounded, timeout=self._settings.timeout_seconds)
            for task in late:
                task.cancel()
            if len(bounded) < len(tasks):
                await asyncio.wait(set(tasks) - set(bounded))
        finally:
            for task in tasks:
                task.cancel()
        told = (
            self._verdict(guard, task, text, late=task in late) for guard, task in zip(self.guards, tasks, strict=True)
        )
        return tuple(verdict.model_copy(update={"policy_hash": self.reference.hash}) for verdict in told)

    async def _prepare_all(self) -> None:
        """Let every guard load what it needs, within `PREPARE_SECONDS`."""
        # Loading must not count against the guard's timeout: on a slow machine a first import took longer, and the
        # question was refused. A guard that fails or hangs here is asked all the same: `check` runs into the fault
        # again, under its timeout, and then counts as a refusal.
        tasks = [asyncio.create_task(_prepared(guard)) for guard in self.guards]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=PREPARE_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                _log.warning("a guard could not be prepared: %s", type(error).__name__)

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


async def _answer(guard: Guard, text: str, stage: Stage) -> object:
    """Run the guard inside a task, so that a `check` that is not a coroutine fails there too and not in the chain."""
    return await guard.check(text, stage)


async def _prepared(guard: Guard) -> None:
    """Prepare the guard inside a task, for the same reason."""
    await guard.prepare()


def _is_sound(answer: object, text: str) -> TypeGuard[Verdict]:
    """Whether `answer` is a verdict with spans inside `text`, and a redaction with at least one span."""
    if not isinstance(answer, Verdict) or not isinstance(answer.action, Action):
        return False
    inside = all(0 <= span.start <= span.end <= len(text) for span in answer.spans)
    return inside and (answer.action is not Action.REDACT or any(span.start < span.end for span in answer.spans))
