"""`guard_input`: resets the per-run channels, screens the question, and checks that the corpus has passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite

from nodes.collaborators import Collaborators, context_of, run_id_of
from policy import WITHHELD, Action, Screening, Stage, check_answered, refusal_of
from state.channels import ResearchContext, ResearchState
from state.errors import CorpusEmpty, CorpusMissing, QuestionInvalid
from state.report import CorpusRef
from state.values import Event, Refusal, Status, Turn, Usage, Verification

MAX_TURNS = 6
"""Number of earlier turns in the prompt of the plan: a chosen value, enough to resolve references such as \"it\"."""

TURN_CHARS = 400
"""Characters of an answer in the caller's messages that the plan sees; `publish` cuts summaries to the same length."""


CHOOSE = (
    "name the corpus as `corpus` in the context of the run, or in the context of an assistant that always asks it; "
    "`sixplane ingest PATH --corpus NAME` makes one"
)

MAX_NAMES = 20
"""Number of corpora that a run without a corpus names. A chosen value: the text stays readable."""


class GuardInput:
    """The first node of every run."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._to = collaborators

    async def __call__(
        self, state: ResearchState, runtime: Runtime[ResearchContext]
    ) -> Command[Literal["researcher", "publish"]]:
        context = context_of(runtime)
        question = question_of(state)
        noticed = state.get("noticed", ())
        fresh = {**fresh_run(run_id_of(runtime)), "events": Overwrite(noticed)}
        refusal = state.get("refusal")
        flags: tuple[Event, ...] = ()
        if refusal is None:
            screening = await self._to.guards.screen(question, Stage.QUESTION)
            question, verdict, flags = screening.text, screening.verdict, _flags(screening)
            if verdict.action is Action.REFUSE:
                question, refusal = WITHHELD, refusal_of(verdict, Stage.QUESTION)
        if refusal is not None:
            return Command(update={**fresh, "question": question, **refused(refusal)}, goto="publish")
        corpus = await self._corpus(context)
        turns = past_turns(state) or await self._screened(turns_of_messages(state, question))
        update = {
            **fresh,
            "today": self._to.clock().date().isoformat(),
            "question": question,
            "conversation": turns,
            "standalone_question": question,
            "corpus": corpus,
            "events": Overwrite((*noticed, *flags)),
        }
        return Command(update=update, goto="researcher")

    async def _screened(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """Return the turns that the guards let pass. A turn is left out if its question or its answer is refused.

        Raises:
            GuardUnavailable: a guard could not answer.
        """
        passed = []
        for turn in turns:
            told = [await self._to.guards.screen(text, Stage.QUESTION) for text in (turn.question, turn.answer)]
            for each in told:
                check_answered(each.verdict)
            if all(each.verdict.action is not Action.REFUSE for each in told):
                passed.append(Turn(question=told[0].text, answer=told[1].text))
        return tuple(passed)

    async def _corpus(self, context: ResearchContext) -> CorpusRef:
        try:
            summary = await (await self._to.corpus(context)).summary()
        except CorpusMissing as error:
            raise CorpusMissing(f"{error.message}; {await self._others(context)}", hint=CHOOSE) from error
        if not summary.passages and not self._to.sources_of(context):
            raise CorpusEmpty(
                f"the corpus `{context.corpus}` holds no passages; {await self._others(context)}", hint=CHOOSE
            )
        return summary

    async def _others(self, context: ResearchContext) -> str:
        """Return which corpora there are. The service checks the corpus before a run; LangGraph's server does not."""
        names = [name for name in await self._to.corpora.names(context.tenant) if name != context.corpus]
        if not names:
            return "there is no other"
        shown = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
        return f"there {'is' if len(names) == 1 else 'are'} {shown}{' and others' if names[MAX_NAMES:] else ''}"


def _flags(screening: Screening) -> tuple[Event, ...]:
    """Return an event for each guard that flags the question: it is answered, and the report says so."""
    flagged = (verdict for verdict in screening.verdicts if verdict.action is Action.FLAG)
    return tuple(Event(node="guard_input", kind="question_flagged", detail=each.category) for each in flagged)


def question_of(state: ResearchState) -> str:
    """Return the question: `question`, or the last human message.

    Raises:
        QuestionInvalid: there is no question, or it is blank.
    """
    question = state.get("question") or _last_human(state.get("messages") or [])
    if not question.strip():
        raise QuestionInvalid("the question is empty", hint="pass `question`, or `messages` with a human message")
    return question.strip()


def past_turns(state: ResearchState) -> tuple[Turn, ...]:
    """Return the latest turns of the thread's earlier runs. They were screened when they were published."""
    return tuple(Turn(question=run.question, answer=run.summary) for run in state.get("history", ())[-MAX_TURNS:])


def turns_of_messages(state: ResearchState, question: str) -> list[Turn]:
    """Return the latest turns from the caller's messages, for a thread without earlier runs."""
    turns: list[Turn] = []
    asked = ""
    for message in state.get("messages") or []:
        if isinstance(message, HumanMessage):
            asked = message.text.strip()
        elif isinstance(message, AIMessage) and asked and asked != question:
            turns.append(Turn(question=asked, answer=message.text.strip()[:TURN_CHARS]))
            asked = ""
    return turns[-MAX_TURNS:]


def refused(refusal: Refusal) -> dict[str, Any]:
    """Return the update that ends the run as refused; a node that returns it leads to `publish`."""
    return {"refusal": refusal, "status": Status.REFUSED, "stop_reason": f"policy:{refusal.category}"}


def fresh_run(run_id: str) -> dict[str, Any]:
    """Return the update that resets every per-run channel."""
    # `Overwrite` bypasses the reducers, which would merge the empty value with the earlier run's.
    return {
        "run_id": run_id,
        "today": "",
        "conversation": (),
        "standalone_question": "",
        "corpus": None,
        "sub_questions": (),
        "sections": (),
        "hits": Overwrite(()),
        "prior_work": (),
        "dropped": Overwrite(()),
        "fenced": Overwrite(()),
        "withheld": Overwrite(()),
        "aliases": {},
        "findings": (),
        "gaps": (),
        "draft": None,
        "claims": (),
        "verification": Verification(),
        "judged": {},
        "draft_review": None,
        "review": (),
        "person": "",
        "masks": (),
        "research_rounds": 0,
        "revisions": 0,
        "status": None,
        "stop_reason": "",
        "refusal": None,
        "noticed": (),
        "usage": Usage(),
        "usage_by_role": Overwrite({}),
        "events": Overwrite(()),
        "timings_ms": Overwrite({}),
        "report": {},
    }


def _last_human(messages: list[AnyMessage]) -> str:
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return message.text
    return ""
