"""The port that every guard implements; `tests/conformance/test_guards.py` is its suite."""

from __future__ import annotations

from abc import ABC, abstractmethod

from policy.verdict import Action, Stage, Verdict


class Guard(ABC):
    """Judges one text.

    A guard is deterministic, is safe to call concurrently, takes any `str` (also lone surrogates), answers with
    offsets inside the text that it was given, and never quotes it. Long work belongs in a thread: a guard that
    blocks the event loop also blocks its own timeout.
    """

    name: str

    bounds_itself: bool = False
    """Whether the guard ends in bounded time of its own: one that waits for a rate limit must not be taken for dead."""

    async def prepare(self) -> None:  # noqa: B027 - most guards have nothing to load
        """Load what the first `check` needs. Not counted against the guard's timeout; called before every `check`."""

    @abstractmethod
    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""

    def allow(self) -> Verdict:
        """Return this guard's plain permission."""
        return Verdict(action=Action.ALLOW, policy=self.name)

    def refuse(self, category: str, reason: str) -> Verdict:
        """Return this guard's refusal. `reason` must not quote the text."""
        return Verdict(action=Action.REFUSE, policy=self.name, category=category, reason=reason)
