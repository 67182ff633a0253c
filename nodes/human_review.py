"""`human_review`: a person approves the draft, rejects it, or sends it back with a text."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt
from pydantic import ValidationError

from nodes.collaborators import Collaborators
from nodes.guard_input import refused
from policy import Action, Stage, refusal_of
from settings.faults import faults_of
from state.channels import ResearchContext, ResearchState
from state.values import ReviewAnswer, ReviewFinding, Severity, Status


class HumanReview:
    """Interrupts the run until a person answers. The person's text is screened, since it goes to a model.

    LangGraph runs the node again from the top when the run resumes. So nothing has an effect before the last answer.
    """

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(
        self,
        state: ResearchState,
        runtime: Runtime[ResearchContext],  # noqa: ARG002
    ) -> Command[Literal["writer", "guard_output", "publish"]]:
        draft = state["draft"]
        answer = _answer_to(
            {
                "question": state["question"],
                "draft": draft.markdown if draft else "",
                "claims": [
                    claim.model_dump(mode="json", include={"id", "text", "verdict", "citations"})
                    for claim in state["claims"]
                ],
                "findings": [finding.model_dump(mode="json") for finding in state.get("review", ())],
            }
        )
        if answer.decision == "approve":
            return Command(update={"stop_reason": "approved_by_person"}, goto="guard_output")
        if answer.decision == "reject":
            return Command(update={"status": Status.STOPPED, "stop_reason": "rejected_by_person"}, goto="publish")
        screening = await self._to.guards.screen(answer.text, Stage.QUESTION) if answer.text else None
        if screening is not None and screening.verdict.action is Action.REFUSE:
            return Command(update=refused(refusal_of(screening.verdict, Stage.QUESTION)), goto="publish")
        text = screening.text if screening else ""
        wish = ReviewFinding(claim_id="", severity=Severity.MAJOR, remedy="do what the person asks")
        return Command(update={"person": text, "review": (*state.get("review", ()), wish)}, goto="writer")


def _answer_to(asked: dict[str, Any]) -> ReviewAnswer:
    """Interrupt until the answer is a valid one; a further interrupt says what was wrong with the last answer.

    The service validates answers before it resumes a run, LangGraph's server passes on whatever a client sends. Were
    LangGraph to validate it (`response_schema=ReviewAnswer`), the node would fail, and a failed node publishes a draft
    that nobody has approved.
    """
    schema, told = ReviewAnswer.model_json_schema(), asked
    while True:
        given = interrupt(told, response_schema=schema)
        try:
            return ReviewAnswer.model_validate(given)
        except ValidationError as error:
            told = {**asked, "problem": _problem(error)}


def _problem(error: ValidationError) -> str:
    how = 'resume with {"decision": "approve"}, "reject", or "revise" and a `text`'
    return f"the answer is invalid ({faults_of(error, whole='the answer')}): {how}"
