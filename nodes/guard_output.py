"""`guard_output`: screens the answer before it is published. Refuses it, or masks spans of it."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from nodes.collaborators import Collaborators
from nodes.guard_input import refused
from policy import Action, Stage, refusal_of
from state.channels import ResearchContext, ResearchState


class GuardOutput:
    """Screens the draft. Masks stay offsets: a masked text would not match the hash of its verification."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> dict[str, Any]:  # noqa: ARG002
        draft = state["draft"]
        screening = await self._to.guards.screen(draft.markdown if draft else "", Stage.ANSWER)
        verdict = screening.verdict
        if verdict.action is not Action.REFUSE:
            return {"masks": screening.masks}
        return refused(refusal_of(verdict, Stage.ANSWER))
