"""What a report says that has no claims: the sentences of code, and no other, may stand there."""

from __future__ import annotations

import re

from state.markdown_text import md_code, md_line
from state.values import Refusal, Status

UNFINISHED = "The run stopped because its report could not be put together."
"""The text of a report that was made from the state alone because the usual one failed."""

REASON = re.compile(r"[\w:.-]*")
"""The reason with which a run ended: a code, so that no sentence passes as one."""


def ending_text(status: Status, reason: str, refusal: Refusal | None) -> str:
    """Return the text of a report without claims, by the status and the reason with which its run ended.

    What a guard says stays text: it makes no link, no picture and no heading.
    """
    if status is Status.REFUSED and refusal:
        refused = f"The {md_line(refusal.stage)} was refused by the policy {md_code(refusal.policy)}"
        return f"{refused} ({md_line(refusal.category)}): {md_line(refusal.reason)}"
    if status is Status.ABSTAINED:
        return "There is not enough information in the corpus to answer this question."
    return f"The run stopped before it had an answer that could be published: {md_code(reason)}."
