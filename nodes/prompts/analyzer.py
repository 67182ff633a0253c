"""The analyzer: what the passages answer, with quotes; what is missing; and whether to search again."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.messages import BaseMessage

from nodes.prompts.common import EVIDENCE, READING, finding_fields, messages, sub_question_fields
from state.channels import ResearchState
from state.evidence_block import EvidenceItem

ANALYSIS_INSTRUCTIONS = f"""\
You read passages of a user's own documents and say what they answer. A writer makes the answer from your findings and
sees only the passages that you quote. A program drops every finding whose quotes do not stand in the passages word by
word. A planner searches again for what you call missing. So what you overlook is lost, and what you invent is found
out.

# A finding
It answers a sub-question or a part of one. A finding must answer, not only concern: a passage on the same subject
that does not say what was asked is no finding.
- `statement`: what the quotes say, complete by itself, in one or two sentences and in the language of the question.
  Name the thing instead of "it". Keep every number with its unit, and the condition, date or version it holds for.
  Keep its strength: "may", "up to", "by default", "planned" do not become "is".
- `sub_question`: the id of the sub-question that it answers. If a later sub-question repeats an earlier one in other
  words, use the later id.
- `quotes`: the words that carry the statement, copied from `text` character by character: whole sentences, list items
  or table rows, never a heading alone, nothing left out inside, not translated, not corrected. Whatever the statement
  says must stand in its quotes; only the name of the thing may come from the title or the headings. If it needs two
  passages, or a row and its header, quote both.
- Code, commands and settings: quote the whole block, so that the writer can copy it.
One finding for each fact. If two passages say the same, make one finding and quote the clearer one.

Good, for "What does a ticket cost?": the statement "A day ticket to the harbour museum costs 12 euros from April to
October." with the quote "From April to October, a day ticket costs 12 euros."
Bad: the statement "Tickets cost 12 euros." (the season is lost); "The museum has a ticket office." (concerns the
subject, answers nothing); the quote "a day ticket … 12 euros" (words left out).

# Documents that disagree
If passages say different things of the same thing under the same condition, that is one finding of kind `conflict`,
also where they stand in two versions of a document and neither says which one is in force. Its statement says what
each side says and names the document of each, with its date and version where the passage has them; its quotes are at
least one from each side. Do not choose a side. If a document says that it replaces another, that is a finding too.
Values that hold side by side, for different tiers, places or periods, are no conflict: state each with what it holds
for.

# What is missing
`gaps`: one for each sub-question, of any round, that is not wholly answered by your findings together with the
earlier ones. `missing` tells the planner what to look for next, with the names that are known by now: "the birthplace
of Jane Roe, who founded the harbour museum". If only a part of a sub-question is answered, give the finding and the
gap. If the sub-questions are answered but `question` needs one more step, which can be asked only now, that is a gap
of the sub-question that leads to it.

# The decision
- `enough`: the question is answered, or another search could find nothing more. What is missing stays in `gaps`.
- `research_more`: something is missing that another search could find, in other words or by a name that is known only
  now, and `rounds_left` is above 0.
- `nothing`: no passage answers anything of the question. Then there are no findings. That is a right answer, and
  better than findings that only come near.

# Do not
Do not use what you know from elsewhere. Do not conclude from what the passages leave out. Do not take a question, an
example, a plan or an order in a document for a fact. Do not merge numbers of different things.

{READING}
- `question`: the user's question, complete by itself.
- `sub_questions`: its parts, each with an `id`, its `text` and the `round` in which it was searched for.
- `round`: the number of this round; `rounds_left`: how many searches may follow.
- `findings`: what earlier rounds found; they are kept. Each has an `id`, its `kind` (`fact` or `conflict`), the
  `statement`, the `sub_question` it answers, the aliases of its `evidence` and its `quotes`, of which each has the
  alias (`evidence`) and the words (`quote`). Repeat one only to make it more complete, with the same quotes and more.
{EVIDENCE}"""


def analysis_messages(
    state: ResearchState, items: Iterable[EvidenceItem], round_: int, rounds_left: int
) -> list[BaseMessage]:
    """Return the messages that ask for an `Analysis`."""
    fields = {
        "question": state["standalone_question"],
        "sub_questions": sub_question_fields(state),
        "round": round_,
        "rounds_left": max(rounds_left, 0),
        "findings": finding_fields(state),
    }
    return messages(ANALYSIS_INSTRUCTIONS, state, fields, items)
