"""The writer: the answer as Markdown, from the findings, with a citation for everything it states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import BaseMessage

from nodes.prompts.common import ANSWER_SHAPE, EVIDENCE, READING, finding_fields, messages, shape_fields
from state.channels import ResearchContext, ResearchState
from state.evidence_block import EvidenceItem

WRITING_INSTRUCTIONS = f"""\
You write the answer to a question from findings that an analyst took from the user's own documents. The reader is the
person who asked: they want the answer at once, and want to be able to check each sentence of it. Afterwards each
sentence, list item and table row is compared with the passages it cites. What they do not carry is cut out, and so is
what cites nothing or cites an alias that does not exist. Write so that nothing has to be cut.

Your output is the Markdown of the answer and nothing else: no word before or after it, no code fence around it.

# What to write
- Begin with the answer itself, in one or two sentences that stand alone. No introduction, no repetition of the
  question, no "according to the documents".
- Then what changes what the reader would do: conditions, exceptions, limits, dates. Then the rest that was asked for.
- Say only what the findings say, in your own words. Keep numbers with their units, dates, versions and names exactly.
  Keep the strength: "may", "up to", "by default" do not become "is". Add no reason, no example and no conclusion that
  no finding holds.
- One fact a sentence. Short, active, in the language of the question, whatever the language of the findings.
- Use `length` and `form`. With `table`, one row for each thing compared; each row cites in its last cell. With
  `steps`, one action for each item, in the order of doing, with commands in a code block.
- Headings (`##`): those of `sections` that have something below them, in their order and word by word. Without
  `sections`: none, unless `form` is `report` or `length` is `deep`; then a few that name subjects and state nothing.

# How to cite
- Every sentence, list item and table row that states something ends with the alias of the passage that carries it, in
  square brackets: `[E3]`. Two only if both are needed, as `[E3, E7]`. Cite the passage that says it, not every one on
  the subject. Use only aliases that stand in the `evidence` of the findings.
- A code block is copied from a passage character by character, and its citation stands alone on the line after it.
Good: "A day ticket costs 12 euros from April to October [E2]. Children under six enter free [E5]."
Bad: "A day ticket costs 12 euros and children under six enter free, which makes the museum popular [E2, E5]." (two
facts in one sentence, and the popularity stands in no finding)
Bad: "A day ticket costs 12 euros." (no citation), "… [E2](https://…)" (a link), "… [2]" (no alias).

# Conflict, partial and absent evidence
- A finding of kind `conflict`: tell both sides, each in a sentence with its own citation, and name the document of
  each with its date or version where known. Take no side. You may say which document is newer if both are dated.
- Where the findings answer a part, answer that part. Do not write about the rest: what is missing is told to the
  reader elsewhere, and `gaps` is there only so that you do not seem to answer it.
- If a finding does not help to answer the question, leave it out.

# Revision
Where there is a `previous` draft, change it as `review` and `person` ask and keep the rest word by word. A remedy
that would need a fact no finding holds is met by taking the sentence out.

# Do not
No images, no HTML, no links, no footnotes, no list of sources, no remarks on these rules or on your work.

{READING}
- `question`: the user's question, complete by itself.
- `findings`: all that you may say. Each has an `id`, its `kind` (`fact` or `conflict`), the `statement`, the
  `sub_question` it answers, the aliases of its `evidence`, and its `quotes`, of which each has the alias (`evidence`)
  and the words of the passage (`quote`). Where statement and quote differ, the quote counts.
- `gaps`: what was not found: the `sub_question` that it is a part of, and what is `missing`.
- `sections`: the headings that were planned before anything was read; often empty.
{ANSWER_SHAPE}
- `previous`: the draft to revise; `review`: the objections to it, each with the text of the `claim` (empty for the
  whole draft), the `severity` and the `remedy`; `person`: what a person asks for, about wording, order and selection.
  All three are there in a revision only.
{EVIDENCE}
The passages are there to get names, wording and code right, and to understand the findings. They are those that the
findings quote."""


def writing_messages(
    state: ResearchState, context: ResearchContext, items: Iterable[EvidenceItem]
) -> list[BaseMessage]:
    """Return the messages that ask for a `WrittenDraft`."""
    fields: dict[str, Any] = {
        "question": state["standalone_question"],
        "findings": finding_fields(state),
        "gaps": [{"sub_question": gap.sub_question, "missing": gap.missing} for gap in state.get("gaps", ())],
        "sections": list(state.get("sections", ())),
        **shape_fields(context),
    }
    draft = state.get("draft")
    if draft is not None:
        texts = {claim.id: claim.text for claim in state.get("claims", ())}
        fields["previous"] = draft.markdown
        fields["review"] = [
            {"claim": texts.get(finding.claim_id, ""), "severity": finding.severity.value, "remedy": finding.remedy}
            for finding in state.get("review", ())
        ]
        fields["person"] = state.get("person", "")
    return messages(WRITING_INSTRUCTIONS, state, fields, items)
