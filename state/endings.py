"""What a report says that has no claims: the sentences of code, and no other, may stand there."""

from __future__ import annotations

from state.values import Refusal, Status

UNFINISHED = "The run stopped because its report could not be put together."
"""The text of a report that was made from the state alone because the usual one failed."""


def ending_text(status: Status, reason: str, refusal: Refusal | None) -> str:
    """Return the text of a report without claims, by the status and the reason with which its run ended."""
    if status is Status.REFUSED and refusal:
        return (
            f"The {refusal.stage} was refused by the policy `{refusal.policy}` ({refusal.category}): {refusal.reason}"
        )
    if status is Status.ABSTAINED:
        return "There is not enough information in the corpus to answer this question."
    return f"The run stopped before it had an answer that could be published: `{reason}`."
