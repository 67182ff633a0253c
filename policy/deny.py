"""The deny list: phrases that neither a question nor an answer may contain."""

from __future__ import annotations

import re
from collections.abc import Iterable

from policy.guard import Guard
from policy.normalise import fold
from policy.verdict import Stage, Verdict
from settings.pools import CPU
from state.errors import SettingsInvalid

_SEPARATOR = r"[\W_]+"
# Scripts written without spaces have no word boundaries: there a phrase matches anywhere.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)


class DenyListGuard(Guard):
    """Refuses questions and answers that contain a phrase of the list. Evidence passes: answers quote from it.

    A phrase matches as whole words, regardless of case, accents, spacing, look-alike letters and hidden characters. It
    is no regular expression: only its letters and digits count.

    Raises:
        SettingsInvalid: a phrase has neither letters nor digits, so that it would match nothing.
    """

    name = "deny_list"

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = tuple(map(_Phrase, phrases))

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if stage is Stage.EVIDENCE or not self._phrases:
            return self.allow()
        if await CPU.run(self._denies, text):  # in a thread: folding a long text takes its time
            return self.refuse("denied_phrase", f"the {stage.value} contains a phrase of the deny list")
        return self.allow()

    def _denies(self, text: str) -> bool:
        skeleton = fold(text).text
        words = frozenset(re.split(_SEPARATOR, skeleton))
        return any(phrase.stands_in(skeleton, words) for phrase in self._phrases)


class _Phrase:
    """A phrase of the list, folded."""

    def __init__(self, phrase: str) -> None:
        words = [word for word in re.split(_SEPARATOR, fold(phrase).text) if word]
        if not words:
            raise SettingsInvalid(
                "`policy.deny` has a phrase without letters and digits, which matches nothing", hint="remove it"
            )
        starts, ends = _UNSPACED.match(words[0]), _UNSPACED.match(words[-1][-1])
        left = "" if starts else r"(?<![^\W_])"
        right = "" if ends else r"(?![^\W_])"
        self._pattern = re.compile(left + _SEPARATOR.join(map(re.escape, words)) + right)
        # The words that a text must have as they stand. Without this look, 10,000 phrases took seven seconds.
        self._whole = frozenset(words[bool(starts) : len(words) - bool(ends)])

    def stands_in(self, skeleton: str, words: frozenset[str]) -> bool:
        """Whether the phrase stands in a folded text that has these words."""
        return self._whole <= words and self._pattern.search(skeleton) is not None
