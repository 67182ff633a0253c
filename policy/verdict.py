"""The verdict of one guard, the combined screening of all guards, and the refusal that a run reports."""

from __future__ import annotations

from enum import StrEnum

from state.errors import GuardUnavailable
from state.report import PolicyRef
from state.values import Mask, Refusal, Value

WITHHELD = "[withheld]"
"""Stands in place of a refused question, which is neither checkpointed nor stored."""


GUARD_UNAVAILABLE = GuardUnavailable.code
"""The category of the refusal that stands in for the verdict of a guard that could not answer."""


class Stage(StrEnum):
    """The point of a run at which a text is screened."""

    QUESTION = "question"
    EVIDENCE = "evidence"
    ANSWER = "answer"


class Action(StrEnum):
    """What happens to the text."""

    ALLOW = "allow"
    FLAG = "flag"
    """It passes and is told: a passage ranks behind all others, and the report says so."""
    REDACT = "redact"
    REFUSE = "refuse"


class Verdict(Value):
    """One guard's answer.

    `spans` are offsets into the text that the guard received. `category` and `reason` never quote that text: they
    reach logs, traces and reports.
    """

    action: Action
    policy: str
    category: str = ""
    reason: str = ""
    spans: tuple[Mask, ...] = ()
    policy_hash: str = ""
    """The hash of the policy that the guard followed. The chain sets it, no guard does."""


class Screening(Value):
    """The combined result of all guards for one text.

    For a question `text` is normalised and redacted; evidence and answers are unchanged. `masks` are sorted, do not
    overlap, and are offsets into the text that the guards saw: the normalised question, or the text as it was passed.
    `verdict` is the strictest of `verdicts`, and the first of several equally strict ones. `policy` is what they
    follow.
    """

    text: str
    verdict: Verdict
    verdicts: tuple[Verdict, ...] = ()
    masks: tuple[Mask, ...] = ()
    policy: PolicyRef = PolicyRef()
    candidate: Screening | None = None
    """What a policy that is tried says to the same text. It changes nothing."""

    @property
    def effect(self) -> tuple[object, ...]:
        """What happens to the text; equal for two screenings that do the same to it, whatever their reasons."""
        if self.verdict.action is Action.REFUSE:
            return (Action.REFUSE,)
        flagged = {span for each in self.verdicts if each.action is Action.FLAG for span in each.spans}
        return (self.verdict.action, self.masks, frozenset(flagged))


def check_answered(verdict: Verdict) -> None:
    """Raise `GuardUnavailable` if the text is kept back only because a guard could not answer.

    It does not pass either way. But an outage says nothing about the text: whoever asks again later may get an answer.
    """
    if verdict.action is Action.REFUSE and verdict.category == GUARD_UNAVAILABLE:
        raise GuardUnavailable(f"the guard `{verdict.policy}` could not answer: {verdict.reason}")


def refusal_of(verdict: Verdict, stage: Stage) -> Refusal:
    """Return the refusal that a report shows for a refusing `verdict`. Its spans are left out: they locate the text.

    Raises:
        GuardUnavailable: no guard refused the text, but one could not answer.
    """
    check_answered(verdict)
    return Refusal(
        stage=stage.value,
        policy=verdict.policy,
        category=verdict.category,
        reason=verdict.reason,
        policy_hash=verdict.policy_hash,
    )


_RANK = {action: rank for rank, action in enumerate((Action.ALLOW, Action.FLAG, Action.REDACT, Action.REFUSE))}


def strictest(verdicts: tuple[Verdict, ...]) -> Verdict:
    """Return the strictest verdict: refuse before redact before flag before allow. A verdict goes before an outage."""
    nothing = Verdict(action=Action.ALLOW, policy="none")
    return max(verdicts, key=lambda each: (_RANK[each.action], each.category != GUARD_UNAVAILABLE), default=nothing)
