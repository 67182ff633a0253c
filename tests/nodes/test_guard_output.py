"""`guard_output`: nothing leaves that the guards refuse, and what they mask is passed on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nodes.guard_output import GuardOutput
from policy import Action, Screening, Stage, Verdict
from state.values import Draft, Mask, Refusal, Status

MASK = Mask(start=0, end=3, kind="NAME")


class Guards:
    """Answers every text with one verdict and keeps what it was asked."""

    def __init__(self, action, *masks):
        self.asked, self._action, self._masks = [], action, masks

    async def screen(self, text, stage):
        self.asked.append((text, stage))
        verdict = Verdict(action=self._action, policy="deny_list", category="denied_phrase", reason="it holds one")
        return Screening(text=text, verdict=verdict, verdicts=(verdict,), masks=self._masks)


async def guarded(guards, draft="ann is here. [E1]"):
    state = {"draft": draft and Draft(markdown=draft, hash="h")}
    return await GuardOutput(SimpleNamespace(guards=guards))(state, None)


async def test_an_answer_that_a_guard_refuses_is_refused_as_an_answer():
    guards = Guards(Action.REFUSE)
    update = await guarded(guards)
    assert guards.asked == [("ann is here. [E1]", Stage.ANSWER)]
    assert update == {
        "refusal": Refusal(stage="answer", policy="deny_list", category="denied_phrase", reason="it holds one"),
        "status": Status.REFUSED,
        "stop_reason": "policy:denied_phrase",
    }


@pytest.mark.parametrize(("action", "masks"), [(Action.ALLOW, ()), (Action.REDACT, (MASK,))])
async def test_an_answer_that_may_leave_takes_its_masks_along(action, masks):
    update = await guarded(Guards(action, *masks))
    assert update.get("masks", ()) == masks
    assert not {"refusal", "status", "stop_reason"} & set(update)


async def test_without_a_draft_an_empty_answer_is_screened():
    guards = Guards(Action.ALLOW)
    await guarded(guards, None)
    assert guards.asked == [("", Stage.ANSWER)]
