"""The reviewer: is the checked draft a good answer? Alone, or as the judge of the claims in the same call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from nodes.prompts.common import (
    ANSWER_SHAPE,
    READING,
    finding_fields,
    messages,
    shape_fields,
    sub_question_fields,
)
from nodes.prompts.judge import CLAIM_FIELDS, JUDGING, ClaimToJudge, claim_fields
from state.channels import ResearchContext, ResearchState

REVIEWING = """\
Review the draft as the person who asked would read it. Go through these five in order:
1. Does it answer the question, in its first sentence or two, directly, in the language of the question?
2. Is it faithful? A claim that is not `supported` is cut by the program without a revision. Object only if the reader
   would then miss something that the findings hold: the remedy says how to put it right.
3. Is it complete? Every finding that the question needs is used. A finding of kind `conflict` is told with both
   sides, each with its source, and with date or version where known; the draft takes no side.
4. Does it keep conditions, exceptions, units and dates that change what a reader would do?
5. Can it be used? Length and form as wanted, no repetition, no introduction, headings that name subjects.

Each objection is an entry of `findings` in your answer: the `claim_id` it concerns, empty for the draft as a whole;
the `severity`; and the `remedy`, one sentence that tells the writer exactly what to change and from which finding.
- `critical`: a reader would be misled. `major`: a part of the answer is missing that the findings hold, or the draft
  cannot be used as wanted. `minor`: wording.
Then the `verdict` of your answer:
- `approve`: no critical or major objection is left. Also if the documents leave part of the question open: the
  program tells the reader what is missing.
- `revise`: the writer can mend it from the findings there are, and `revisions_left` is above 0. Never for `minor`
  objections alone, and never for what no finding says.
- `needs_human`: neither of these: only a person can decide, for example because the findings do not show which of two
  readings of the question is meant. If you are in doubt between this and `approve`, approve.
Do not ask for facts that no finding holds, for more sources, or for a sentence about what is missing."""

REVIEW_FIELDS = f"""\
- `sub_questions`: the parts into which the question was split, with `id`, `text` and `round`.
- `findings`, as a field of the input: what an analyst found in the documents. Each has an `id`, the `kind` (`fact` or
  `conflict`), the `statement`, the `sub_question` it answers and the aliases of its `evidence`. The draft may say
  nothing else.
- `draft`: the draft's Markdown. `[E3]` cites the passage with that alias.
- `gaps`: what was not found. The program tells the reader about it; the draft need not.
{ANSWER_SHAPE}
- `revisions_left`: how often the draft can still be revised."""

REVIEW_INSTRUCTIONS = f"""\
You review a draft that answers a question from a user's own documents. A program and a judge have checked each of its
claims against its sources. Your objections go to the writer, who revises once for each `revise`: a revision costs
time and money, so ask for one only if the reader gains from it. What you write is never published.

# The review
{REVIEWING}

{READING}
- `question`: what the user asked.
{REVIEW_FIELDS}
- Of each finding also its `quotes`: the passage's alias (`evidence`) and the `quote` that a program found in it.
- `claims`: the draft's claims with their `id` and `text`, the `verdict` on each (`supported`, `contradicted`,
  `unsupported`, or `unverified` if nobody could tell) and the `reason`. Claims that are not supported will be left
  out.
- `coverage`: the share of claims that cite a source, from 0 to 1."""

JUDGED_REVIEW_INSTRUCTIONS = f"""\
You check a draft that answers a question from a user's own documents, in two steps: first judge each claim against
the quotes that it cites, then review the draft as a whole. What you call supported is published and trusted by people
who will not check it again; what you do not is left out. A false claim let through does harm, and so does a true one
that is lost: be exact in both directions. Your objections go to the writer; a revision costs time and money.

# First step: `verdicts`
{JUDGING}

Give one verdict for every claim in `claims`, in their order, with their ids, and none for anything else.

# Second step: `verdict` and `findings`
{REVIEWING}

{READING}
{CLAIM_FIELDS}
{REVIEW_FIELDS}"""


def review_messages(state: ResearchState, context: ResearchContext, revisions_left: int) -> list[BaseMessage]:
    """Return the messages that ask for a `Review` of the draft whose claims were judged."""
    claims = [
        {"id": claim.id, "text": claim.text, "verdict": claim.verdict.value, "reason": claim.reason}
        for claim in state["claims"]
    ]
    fields = {
        "question": state["standalone_question"],
        **_review_fields(state, context, revisions_left, quotes=True),
        "claims": claims,
        "coverage": state["verification"].coverage,
    }
    return messages(REVIEW_INSTRUCTIONS, state, fields)


def judged_review_messages(
    state: ResearchState, context: ResearchContext, claims: Sequence[ClaimToJudge], revisions_left: int
) -> list[BaseMessage]:
    """Return the messages that ask for a `JudgedReview`: verdicts on `claims`, and the review that follows."""
    fields = {
        "question": state["standalone_question"],
        "claims": claim_fields(claims),
        # Without their quotes, most of which stand in the claims already.
        **_review_fields(state, context, revisions_left, quotes=False),
    }
    return messages(JUDGED_REVIEW_INSTRUCTIONS, state, fields)


def _review_fields(
    state: ResearchState, context: ResearchContext, revisions_left: int, *, quotes: bool
) -> dict[str, Any]:
    draft = state["draft"]
    return {
        "sub_questions": sub_question_fields(state),
        "findings": finding_fields(state, quotes=quotes),
        "draft": draft.markdown if draft else "",
        "gaps": [gap.missing for gap in state.get("gaps", ())],
        **shape_fields(context),
        "revisions_left": revisions_left,
    }
