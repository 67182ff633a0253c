"""What of a request reaches the graph, which checkpoints its raw input before the first node: hence screened here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage

from experience.service.models import ResearchRequest
from policy import Action, GuardChain, Stage
from policy.limits import LimitsGuard
from state.errors import PolicyRefusal, QuestionInvalid
from state.values import Refusal, ReviewAnswer

WITHHELD = "[withheld]"
"""What stands for a refused question, which is neither checkpointed nor stored."""


async def screened_question(guards: GuardChain, question: str, limit: int) -> tuple[str, Refusal | None]:
    """Screen before the graph sees the question: LangGraph checkpoints the raw input before its first node."""
    if len(question) > limit:
        raise QuestionInvalid(
            f"the question has {len(question):,} characters, more than {limit:,}",
            hint="ask a shorter question and ingest long texts as documents",
        )
    screening = await guards.screen(question, Stage.QUESTION)
    verdict = screening.verdict
    if verdict.action is not Action.REFUSE:
        return screening.text, None
    if verdict.policy == LimitsGuard.name:
        raise QuestionInvalid(verdict.reason, hint="ask in plain text, without control characters")
    refusal = Refusal(stage="question", policy=verdict.policy, category=verdict.category, reason=verdict.reason)
    return WITHHELD, refusal


async def screened_answer(guards: GuardChain, answer: ReviewAnswer, limit: int) -> ReviewAnswer:
    """Return a person's answer to a review as the guards let it pass: its text goes to a model, and is kept.

    Raises:
        PolicyRefusal: a guard refuses the text.
        QuestionInvalid: it is too long, or holds control characters.
    """
    if not answer.text:
        return answer
    text, refusal = await screened_question(guards, answer.text, limit)
    if refusal is not None:
        raise PolicyRefusal(
            f"the policy `{refusal.policy}` refuses the text: {refusal.reason}", hint="answer in other words"
        )
    return answer.model_copy(update={"text": text})


async def screened_turns(guards: GuardChain, request: ResearchRequest, limit: int) -> list[AnyMessage]:
    """Return the earlier messages as the guards let them pass, cut to `limit` characters; refused ones are left out."""
    passed: list[AnyMessage] = []
    for message in [] if request.question else (request.messages or [])[:-1]:
        screening = await guards.screen(message.text[:limit], Stage.QUESTION)
        if screening.verdict.action is not Action.REFUSE:
            passed.append(message.model_copy(update={"content": screening.text}))
    return passed


def question_text(request: ResearchRequest) -> str:
    """Return the request's question.

    Raises:
        QuestionInvalid: there is none, or it is not text.
    """
    text = request.question or next(
        (message.text for message in reversed(request.messages or []) if isinstance(message, HumanMessage)), ""
    )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QuestionInvalid("the question is not valid UTF-8", hint="send it as UTF-8 text") from error
    if not text.strip():
        raise QuestionInvalid("the question is empty", hint='ask something, for example `sixplane research "What …?"`')
    return text.strip()


def graph_input(question: str, refusal: Refusal | None, earlier: Sequence[AnyMessage] = ()) -> dict[str, Any]:
    """Return the graph's input: what was screened, in place of what was asked."""
    return {"question": question, "refusal": refusal, **({"messages": list(earlier)} if earlier else {})}
