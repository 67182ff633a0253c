"""The verdict of one guard, the combined screening of all guards, and the refusal that a run reports."""

from __future__ import annotations

from enum import StrEnum

from state.values import Mask, Refusal, Value

WITHHELD = "[withheld]"
"""Stands in place of a refused question, which is neither checkpointed nor stored."""


class Stage(StrEnum):
    """Where in a run a text is screened."""

    QUESTION = "question"
    EVIDENCE = "evidence"
    ANSWER = "answer"


class Action(StrEnum):
    """What happens to the text."""

    ALLOW = "allow"
    REDACT = "redact"
    REFUSE = "refuse"


class Verdict(Value):
    """One guard's answer.

    `spans` are offsets into the text that the guard was given. Neither `category` nor `reason` ever quotes that text.
    """

    action: Action
    policy: str
    category: str = ""
    reason: str = ""
    spans: tuple[Mask, ...] = ()


class Screening(Value):
    """What the chain made of one text.

    `text` is normalised and redacted for a question, and unchanged for evidence and answers. `masks` are sorted, do
    not overlap, and are offsets into the text that the guards saw: the normalised question, or the text as given.
    `verdict` is the strictest of `verdicts`, the first among equals.
    """

    text: str
    verdict: Verdict
    verdicts: tuple[Verdict, ...] = ()
    masks: tuple[Mask, ...] = ()


def refusal_of(verdict: Verdict, stage: Stage) -> Refusal:
    """Return the refusal that a report shows for a refusing `verdict`. Its spans are left out: they locate the text."""
    return Refusal(stage=stage.value, policy=verdict.policy, category=verdict.category, reason=verdict.reason)


_RANK = {Action.ALLOW: 0, Action.REDACT: 1, Action.REFUSE: 2}


def strictest(verdicts: tuple[Verdict, ...]) -> Verdict:
    """Return the verdict that decides: any refusal refuses, redact beats allow."""
    return max(verdicts, key=lambda verdict: _RANK[verdict.action], default=Verdict(action=Action.ALLOW, policy="none"))
