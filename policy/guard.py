"""The port that every guard implements. `tests/conformance/test_guards.py` tests each implementation."""

from __future__ import annotations

from abc import ABC, abstractmethod

from policy.verdict import Action, Stage, Verdict

PROBE = (
    "What is a budget? Ask Ann Lee: ann@example.com, +44 20 7946 0958, 192.0.2.7, 4111 1111 1111 1111, $12.50."
    " DE89 3704 0044 0532 0130 00, 536-22-1234, 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa."
)
"""A made-up text with something for every recogniser: what any text loads is loaded when a guard has read it."""


class Guard(ABC):
    """Judges one text.

    A guard is deterministic and safe to call concurrently. It accepts any `str`, even with lone surrogates, returns
    offsets inside the text that it received, and never quotes that text. Long work belongs into a thread of
    `settings.pools.CPU`: a guard that blocks the event loop also blocks its own timeout.
    """

    name: str

    bounds_itself: bool = False
    """Whether the guard has its own deadline. The chain then sets none: waiting for a rate limit is not a failure."""

    async def prepare(self) -> None:  # noqa: B027 - most guards have nothing to load
        """Load what every `check` needs. Called before a `check` until it, or `warm`, has succeeded once.

        It does not count against the guard's timeout.
        """

    async def warm(self) -> None:
        """Load also what only some texts need, for a process that serves many. Includes `prepare`."""
        await self.prepare()

    @abstractmethod
    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""

    def allow(self) -> Verdict:
        """Return a verdict that allows the text."""
        return Verdict(action=Action.ALLOW, policy=self.name)

    def refuse(self, category: str, reason: str) -> Verdict:
        """Return a verdict that refuses the text. `reason` must not quote the text."""
        return Verdict(action=Action.REFUSE, policy=self.name, category=category, reason=reason)
