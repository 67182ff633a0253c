"""Limits on the form of a question: not empty, not too long, no control characters."""

from __future__ import annotations

import re

from policy.guard import Guard
from policy.normalise import normalised
from policy.verdict import Stage, Verdict

CONTROL_CHARACTERS = r"\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f"
"""The inside of a character class: the control characters but those that stand for a space."""

_CONTROL = re.compile(f"[{CONTROL_CHARACTERS}\ud800-\udfff]")


class LimitsGuard(Guard):
    """Refuses a question that is empty, longer than `max_question_chars`, or contains control characters.

    Evidence and answers pass: chunking and `max_output_tokens` bound their length.
    """

    name = "limits"

    def __init__(self, max_question_chars: int) -> None:
        self._max_question_chars = max_question_chars

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is not Stage.QUESTION:
            return self.allow()
        if len(text) > self._max_question_chars:
            return self.refuse("too_long", f"the question is longer than {self._max_question_chars} characters")
        if _CONTROL.search(text):
            return self.refuse("control_characters", "the question contains control characters")
        if not normalised(text).strip():
            return self.refuse("empty", "the question is empty")
        return self.allow()
