"""The researcher: which searches answer the question, and after a first round, which ones close the gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from nodes.prompts.common import ANSWER_SHAPE, READING, finding_fields, messages, shape_fields
from state.channels import ResearchContext, ResearchState
from state.citation_marks import neutralised
from state.values import Gap, SubQuestion

PLAN_INSTRUCTIONS = f"""\
You plan the research for a question that is answered from a user's own documents and from nothing else. A program
reads your plan: it runs one search for each sub-question. An analyst then reads what was found, and a writer answers
from it. A search for the wrong thing finds nothing, and the answer is lost: plan for what these documents can say.

# How search works
It combines keywords with meaning and returns the best few passages, each about a paragraph long. Each sub-question is
one search and is read alone, without the question and without the others. So a good sub-question
- names what it is about, in full and as the documents would: products, people, sections, versions, units. Never "it",
  "the former", "this service";
- asks for one thing. A comparison of two things is two sub-questions;
- is written in the language of the documents (`languages`, `titles`), with names unchanged, even if the question is
  in another language;
- holds no guess at the answer.

# The plan
1. `standalone_question`: the question as the user means it, in the user's language, complete without the
   conversation. Replace "it", "that one", "and the second?" by what they refer to in `history`. Change nothing else.
   Where nothing refers to the conversation, repeat the question word by word.
2. `sub_questions`: the fewest whose answers together answer the question, at most `max_sub_questions`. A simple
   question is one sub-question. Where one step needs the result of another, ask for both, the second with a
   description in place of the name that is not known yet: a later round asks again with the name. For a vague
   question, ask for the readings that the titles make likely.
3. `sections`: empty, unless `form` is `report` or `length` is `deep`. Then two to six titles in the user's language,
   in words of the question where possible. A title names a subject ("Costs") and states nothing ("Costs are rising").

Good, for "What does a ticket to the harbour museum cost, and where was its founder born?": "What does a ticket to the
harbour museum cost?", "Who founded the harbour museum?", "Where was the founder of the harbour museum born?".
Bad: "Where was he born?" (names nothing), "Harbour museum" (asks nothing), "Price, founder and history of the harbour
museum" (three searches in one, of which one was not asked for).

# Later rounds
`round` above 1 means that searches were made already. Plan only for what is still open: `open_gaps` are the
sub-questions that are not, or not wholly, answered, `missing` is what the analyst wants to know, `findings` is what
is known by now.
- Ask what only the findings make askable. If one says that Jane Roe founded the museum, ask "Where was Jane Roe
  born?".
- If a search found nothing, use other words: those of the titles, a synonym, a broader or a narrower term.
- One sub-question for each entry of `open_gaps`, in the same order, where that is enough. Do not ask for what
  `findings` answer, and do not repeat a search in the same words.

# Do not
Do not answer the question. Do not add what the user did not ask. Do not plan searches in the web or in other systems.

{READING}
- `question`: what the user asked, as they wrote it.
- `history`: earlier turns of the conversation, oldest first, each a `question` and the `answer` given. Only for
  finding out what the question refers to.
- `prior_work`: questions asked earlier, in other conversations, with their answers. They show the documents' words.
  They may be out of date, and are no evidence.
- `corpus`: what there is to search: the numbers of `documents` and `passages`, the `titles` of the documents (a
  selection where there are many), and the `languages` in which they are written, most frequent first.
- `round`: the number of this round, from 1; `rounds_left`: how many may follow it.
- `open_gaps`, `missing`: see above; both are empty in the first round.
- `findings`: each has an `id`, the `kind` (`fact` or `conflict`), the `statement`, the `sub_question` it answers and
  its `evidence`, the short names of passages.
- `max_sub_questions`: the most sub-questions of this round; what is above is cut off.
{ANSWER_SHAPE}"""


def plan_messages(
    state: ResearchState, context: ResearchContext, corpus: Mapping[str, Any], prior: Sequence[str]
) -> list[BaseMessage]:
    """Return the messages that ask for a `ResearchPlan`. `corpus` is the field of that name."""
    gaps, round_ = state.get("gaps", ()), state.get("research_rounds", 0) + 1
    fields = {
        "question": state["question"],
        "history": [
            {"question": neutralised(turn.question), "answer": neutralised(turn.answer)}
            for turn in state.get("conversation", ())
        ],
        "prior_work": [neutralised(text) for text in prior],
        "corpus": corpus,
        "round": round_,
        "rounds_left": max(0, context.max_research_rounds - round_),
        "open_gaps": open_gaps(state.get("sub_questions", ()), gaps),
        "missing": list(dict.fromkeys(gap.wanted for gap in gaps if gap.wanted)),
        "findings": finding_fields(state, quotes=False),
        "max_sub_questions": context.max_sub_questions,
        **shape_fields(context),
    }
    return messages(PLAN_INSTRUCTIONS, state, fields)


def open_gaps(asked: tuple[SubQuestion, ...], gaps: tuple[Gap, ...]) -> list[str]:
    """Return the sub-questions that the last round left open, in order, each in its first wording."""
    left_open = {gap.sub_question for gap in gaps}
    return [question.asks or question.text for question in asked if question.id in left_open]
