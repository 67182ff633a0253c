"""Screens a request before the graph gets it.

LangGraph checkpoints the raw input before the first node runs. A guard inside the graph would therefore come too late:
a refused text would already be on disk.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AnyMessage, HumanMessage

from experience.service.models import ResearchRequest
from policy import WITHHELD, Action, GuardChain, Stage, check_answered, refusal_of
from policy.limits import LimitsGuard
from state.channels import ResearchInput
from state.errors import PolicyRefusal, QuestionInvalid
from state.values import Event, Refusal, ReviewAnswer


async def screened_question(guards: GuardChain, question: str, limit: int) -> tuple[str, Refusal | None]:
    """Return the question as the guards let it pass, or `WITHHELD` and the refusal.

    Raises:
        QuestionInvalid: the question is too long or contains control characters.
        GuardUnavailable: a guard could not answer.
    """
    if len(question) > limit:
        raise QuestionInvalid(
            f"the question has {len(question):,} characters, more than {limit:,}",
            hint="ask a shorter question, and ingest long texts as documents",
        )
    screening = await guards.screen(question, Stage.QUESTION)
    verdict = screening.verdict
    if verdict.action is not Action.REFUSE:
        return screening.text, None
    if verdict.policy == LimitsGuard.name:
        raise QuestionInvalid(verdict.reason, hint="ask in plain text, without control characters")
    return WITHHELD, refusal_of(verdict, Stage.QUESTION)


async def screened_answer(guards: GuardChain, answer: ReviewAnswer, limit: int) -> ReviewAnswer:
    """Return a person's answer as the guards let it pass. Its text goes to a model and into the checkpoint.

    Raises:
        PolicyRefusal: a guard refuses the text.
        GuardUnavailable: a guard could not answer.
        QuestionInvalid: the text is too long or contains control characters.
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
    """Return the earlier messages as the guards let them pass, each cut to `limit` characters.

    A refused message is omitted: it must not reach a model, and it is not the question that the caller asks now.

    Raises:
        GuardUnavailable: a guard could not answer.
    """
    passed: list[AnyMessage] = []
    # With `question`, the messages are not part of the request; otherwise the last one is the question itself.
    for message in [] if request.question else (request.messages or [])[:-1]:
        screening = await guards.screen(message.text[:limit], Stage.QUESTION)
        check_answered(screening.verdict)
        if screening.verdict.action is not Action.REFUSE:
            passed.append(message.model_copy(update={"content": screening.text}))
    return passed


def question_text(request: ResearchRequest) -> str:
    """Return the request's question.

    Raises:
        QuestionInvalid: there is no question, or it is not valid text.
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


def graph_input(
    question: str, refusal: Refusal | None, earlier: Sequence[AnyMessage] = (), noticed: Sequence[Event] = ()
) -> ResearchInput:
    """Return the graph's input, made of screened texts only, with what the guards noticed."""
    screened: ResearchInput = {"question": question, "refusal": refusal}
    if noticed:
        # Under the name of the node that screens the question again, so that the report says the same thing once.
        screened["noticed"] = tuple(event.model_copy(update={"node": "guard_input"}) for event in noticed)
    if earlier:
        screened["messages"] = list(earlier)
    return screened
