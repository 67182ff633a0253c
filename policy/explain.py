"""What each guard says to a text at each stage, and what the injection guard saw in it, window by window.

An explanation can be logged: it holds offsets and scores, and of the text only the question as it would be passed on.
"""

from __future__ import annotations

from policy.chain import GuardChain
from policy.injection import InjectionGuard, SeenWindow
from policy.normalise import normalised
from policy.verdict import Action, Stage
from settings.pools import CPU
from state.report import PolicyRef
from state.values import Mask, Value

MOST_WINDOWS = 50
"""How many windows a stage lists, the most suspicious first. A text of 100 kB has a thousand. A chosen value."""


class GuardTold(Value):
    """What one guard says, and the windows that it scored."""

    guard: str
    action: Action
    category: str
    reason: str
    spans: tuple[Mask, ...]
    windows: tuple[SeenWindow, ...] = ()


class StageTold(Value):
    """What happens to a text at one stage. Offsets are into the text that was given, for a question its normal form."""

    stage: Stage
    action: Action
    category: str = ""
    """Why, if anything happens; `guard_unavailable`: a guard could not answer, and so the text does not pass."""
    text: str
    """The question as it would be passed on, without hidden characters and what is redacted.

    Empty if it is refused, and for evidence and answers: they may hold what a question must not."""
    guards: tuple[GuardTold, ...]


class Explanation(Value):
    """What a policy does with a text."""

    policy: PolicyRef
    stages: tuple[StageTold, ...]

    def at(self, stage: Stage) -> StageTold:
        """Return what happens at `stage`."""
        return next(each for each in self.stages if each.stage is stage)


async def explain(guards: GuardChain, text: str) -> Explanation:
    """Return what `guards` say to `text` as a question, as evidence and as an answer."""
    return Explanation(policy=guards.reference, stages=tuple([await _at(guards, text, stage) for stage in Stage]))


async def _at(guards: GuardChain, text: str, stage: Stage) -> StageTold:
    screening = await guards.screen(text, stage)
    given = normalised(text) if stage is Stage.QUESTION else text
    told = []
    for guard, verdict in zip(guards.guards, screening.verdicts, strict=True):
        windows: list[SeenWindow] = []
        if isinstance(guard, InjectionGuard):
            windows = await CPU.run(guard.windows, given, stage)
        told.append(
            GuardTold(
                guard=guard.name,
                action=verdict.action,
                category=verdict.category,
                reason=verdict.reason,
                spans=verdict.spans,
                windows=tuple(sorted(windows, key=lambda window: -window.score)[:MOST_WINDOWS]),
            )
        )
    action = screening.verdict.action
    passed_on = screening.text if stage is Stage.QUESTION and action is not Action.REFUSE else ""
    return StageTold(
        stage=stage, action=action, category=screening.verdict.category, text=passed_on, guards=tuple(told)
    )
