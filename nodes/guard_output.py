"""`guard_output`: what may be shown. Refuses the answer, or masks spans of it."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators
from policy import Action, Stage
from state.channels import ResearchContext, ResearchState
from state.values import Refusal, Status


class GuardOutput:
    """Screens the draft's text. Masks are offsets into the unmasked text, which the draft's hash covers."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:  # noqa: ARG002
        draft = state["draft"]
        screening = await self._to.guards.screen(draft.markdown if draft else "", Stage.ANSWER)
        verdict = screening.verdict
        if verdict.action is not Action.REFUSE:
            return {"masks": screening.masks}
        refusal = Refusal(stage="answer", policy=verdict.policy, category=verdict.category, reason=verdict.reason)
        return {"refusal": refusal, "status": Status.REFUSED, "stop_reason": f"policy:{verdict.category}"}
