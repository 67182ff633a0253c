"""The deny list: phrases that neither a question nor an answer may contain."""

from __future__ import annotations

import re
from collections.abc import Iterable

from policy.guard import Guard
from policy.normalise import fold
from policy.verdict import Stage, Verdict

_SEPARATOR = r"[\W_]+"
# Scripts written without spaces have no word boundaries: there a phrase matches anywhere.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)


class DenyListGuard(Guard):
    """Refuses questions and answers that contain a phrase of the list. Evidence passes: answers quote from it.

    A phrase matches as whole words, regardless of case, accents, spacing, look-alike letters and hidden characters.
    """

    name = "deny_list"

    def __init__(self, phrases: Iterable[str]) -> None:
        self._patterns = tuple(pattern for phrase in phrases if (pattern := _pattern(phrase)) is not None)

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is Stage.EVIDENCE or not self._patterns:
            return self.allow()
        skeleton = fold(text).text
        if any(pattern.search(skeleton) for pattern in self._patterns):
            return self.refuse("denied_phrase", f"the {stage.value} contains a phrase of the deny list")
        return self.allow()


def _pattern(phrase: str) -> re.Pattern[str] | None:
    """Return the pattern of the folded phrase, or `None` for a phrase without letters and digits."""
    words = [word for word in re.split(_SEPARATOR, fold(phrase).text) if word]
    if not words:
        return None
    left = "" if _UNSPACED.match(words[0]) else r"(?<![^\W_])"
    right = "" if _UNSPACED.match(words[-1][-1]) else r"(?![^\W_])"
    return re.compile(left + _SEPARATOR.join(map(re.escape, words)) + right)
