"""The port that every guard implements. `tests/conformance/test_guards.py` tests each implementation."""

from __future__ import annotations

from abc import ABC, abstractmethod

from policy.verdict import Action, Stage, Verdict


class Guard(ABC):
    """Judges one text.

    A guard is deterministic and safe to call concurrently. It accepts any `str`, even with lone surrogates, returns
    offsets inside the text that it received, and never quotes that text. Long work belongs in a thread: a guard that
    blocks the event loop also blocks its own timeout.
    """

    name: str

    bounds_itself: bool = False
    """Whether the guard has its own deadline. The chain then sets none: waiting for a rate limit is not a failure."""

    async def prepare(self) -> None:  # noqa: B027 - most guards have nothing to load
        """Load what `check` needs. Called before every `check`; does not count against the guard's timeout."""

    @abstractmethod
    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""

    def allow(self) -> Verdict:
        """Return a verdict that allows the text."""
        return Verdict(action=Action.ALLOW, policy=self.name)

    def refuse(self, category: str, reason: str) -> Verdict:
        """Return a verdict that refuses the text. `reason` must not quote the text."""
        return Verdict(action=Action.REFUSE, policy=self.name, category=category, reason=reason)
