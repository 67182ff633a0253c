"""Personal data in questions, evidence and answers: what happens to it is set for each kind and stage."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from policy.guard import Guard
from policy.masks import merge_masks
from policy.pii_actions import judged, looked_for
from policy.verdict import Stage, Verdict
from settings.personal_data import PersonalDataSettings
from state.values import Mask

if TYPE_CHECKING:
    from policy.recognisers import Recogniser


class PersonalDataGuard(Guard):
    """Redacts or refuses the personal data that recognisers find.

    `prepare` builds the recognisers in a worker thread: importing Presidio takes one second, or three if its bytecode
    is not compiled yet.
    """

    name = "personal_data"

    def __init__(self, settings: PersonalDataSettings) -> None:
        self._settings = settings
        self._kinds = {stage: looked_for(stage, settings) for stage in Stage}
        self._ready = not any(self._kinds.values())

    async def prepare(self) -> None:
        """Import and build the recognisers, unless everything is allowed."""
        if not self._ready:
            kinds = {kind for kinds in self._kinds.values() for kind in kinds}
            await asyncio.to_thread(lambda: [_recogniser(kind) for kind in sorted(kinds)])
            self._ready = True

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        kinds = self._kinds[stage]
        if not kinds:
            return self.allow()
        found = await asyncio.to_thread(_found, text, kinds)
        return judged(self.name, found, stage, self._settings)


def find_personal_data(text: str, kinds: tuple[str, ...]) -> tuple[Mask, ...]:
    """Return the spans of `kinds` in `text`, sorted and without overlaps."""
    return merge_masks(_found(text, kinds))


def _found(text: str, kinds: tuple[str, ...]) -> list[Mask]:
    return [mask for kind in kinds for mask in _recogniser(kind)(text)]


@cache
def _recogniser(kind: str) -> Recogniser:
    from policy.recognisers import build_recogniser

    return build_recogniser(kind)
