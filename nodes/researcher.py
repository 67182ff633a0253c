"""`researcher`: splits the question into sub-questions and starts a `retrieve` branch for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from nodes.collaborators import Collaborators, context_of
from nodes.memory import PriorWork
from nodes.prompts.common import plain
from nodes.prompts.researcher import PLAN_INSTRUCTIONS, open_gaps, plan_messages
from nodes.research.holdings import corpus_field
from state.channels import ResearchContext, ResearchState
from state.errors import ModelOutputInvalid
from state.roles import ResearchPlan
from state.values import Event, Gap, Role, SubQuestion

MOST_SECTIONS = 8
SECTION_CHARS = 80


class Researcher:
    """Plans one round of retrieval. Later rounds plan only for open gaps."""

    def __init__(self, collaborators: Collaborators, memory: PriorWork) -> None:
        self._to = collaborators
        self._memory = memory

    async def __call__(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> Command[Literal["retrieve"]]:
        context = context_of(runtime)
        prior, recalled = await self._recall(state, runtime)
        corpus, unavailable = await corpus_field(self._to, state, context)
        plan, failed = await self._plan(state, runtime, corpus, prior)
        known, gaps = state.get("sub_questions", ()), state.get("gaps", ())
        texts = planned_texts(plan, state)
        planned = number_sub_questions(
            texts, known, context.max_sub_questions, state.get("research_rounds", 0) + 1, open_gaps(known, gaps)
        )
        update: dict[str, Any] = {
            "sub_questions": (*known, *planned),
            "prior_work": tuple(prior),
            "events": (*recalled, *unavailable, *failed),
        }
        if not known:
            update |= {"standalone_question": standalone(plan, state), "sections": section_titles(plan)}
        return Command(update=update, goto=[Send("retrieve", {"sub_question": question}) for question in planned])

    async def _plan(
        self, state: ResearchState, runtime: Runtime[ResearchContext], corpus: Mapping[str, Any], prior: Sequence[str]
    ) -> tuple[ResearchPlan, list[Event]]:
        """Return the model's plan; an empty one, and an event, if the model gave none that can be read."""
        messages = plan_messages(state, context_of(runtime), corpus, prior)
        try:
            plan = await self._to.ask(runtime, Role.RESEARCHER, ResearchPlan, messages)
        except ModelOutputInvalid as error:
            return ResearchPlan(sub_questions=[]), [Event(node="researcher", kind="plan_failed", detail=error.message)]
        return plan, []

    async def _recall(self, state: ResearchState, runtime: Runtime[ResearchContext]) -> tuple[list[str], list[Event]]:
        if state.get("research_rounds", 0):
            return list(state.get("prior_work", ())), []
        return await self._memory.recall(runtime, state["question"])


def standalone(plan: ResearchPlan, state: ResearchState) -> str:
    """Return the question to answer: the plan's only where there is a conversation that the question may refer to."""
    # Without one there is nothing to resolve, and the question as asked is right by definition.
    written = plain(plan.standalone_question)
    return written if written and state.get("conversation") and not is_echo(written) else state["question"]


def planned_texts(plan: ResearchPlan, state: ResearchState) -> list[str]:
    """Return the plan's sub-questions; without any, what is still wanted, or else the question."""
    asked = [text for each in plan.sub_questions if (text := plain(each)) and not is_echo(text)]
    return asked or _still_wanted(state) or [standalone(plan, state)]


def section_titles(plan: ResearchPlan) -> tuple[str, ...]:
    """Return the titles of the plan's sections, bounded."""
    titles = (plain(title).lstrip("# ")[:SECTION_CHARS] for title in plan.sections)
    return tuple(dict.fromkeys(filter(None, titles)))[:MOST_SECTIONS]


def is_echo(text: str) -> bool:
    """Return whether a weak model copied `text` from its instructions, or from the schema, instead of planning."""
    return _folded(text) in _ECHOES


def number_sub_questions(
    texts: Sequence[str], known: tuple[SubQuestion, ...], most: int, round_: int, asked_again: Sequence[str] = ()
) -> list[SubQuestion]:
    """Return at most `most` new sub-questions, numbered on from `known`.

    `asked_again` are the open questions of a later round. They are assigned one to one if the counts agree; a single
    one is what all of the new sub-questions are for.
    """
    chosen = list(dict.fromkeys(texts))[:most]
    again = list(asked_again) if len(asked_again) == len(chosen) else [""] * len(chosen)
    if len(asked_again) == 1:
        again = list(asked_again) * len(chosen)
    return [
        SubQuestion(id=f"q{len(known) + n}", text=text, round=round_, asks=asks)
        for n, (text, asks) in enumerate(zip(chosen, again, strict=True), 1)
    ]


def _still_wanted(state: ResearchState) -> list[str]:
    """Return what the last round left open, in the analyzer's words where it gave some."""
    texts = {question.id: question.asks or question.text for question in state.get("sub_questions", ())}
    gaps: tuple[Gap, ...] = state.get("gaps", ())
    return [gap.wanted or texts[gap.sub_question] for gap in gaps if gap.wanted or gap.sub_question in texts]


def _sentences(text: str) -> list[str]:
    return [text, *re.split(r"(?<=[.:;]) ", text)]


def _folded(text: str) -> str:
    return " ".join(text.casefold().strip(" .?!:`\"'").split())


_ECHOES = frozenset(
    _folded(text)
    for text in (
        "string",
        "array",
        *re.findall(r'"([^"]+)"', PLAN_INSTRUCTIONS),
        *(part for field in ResearchPlan.model_fields.values() for part in _sentences(field.description or "")),
    )
)
"""The examples of the instructions, and the schema's descriptions, whole and by sentence."""
