"""Personal data in questions, evidence and answers: what happens to it is set for each kind and stage."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from policy.guard import Guard
from policy.masks import merge_masks
from policy.pii_actions import judged, looked_for
from policy.verdict import Stage, Verdict
from settings.personal_data import KINDS, PersonalDataKind, PersonalDataSettings
from state.errors import SettingsInvalid
from state.values import Mask

if TYPE_CHECKING:
    from policy.recognisers import Recogniser


class PersonalDataGuard(Guard):
    """Redacts or refuses the personal data that recognisers find.

    `prepare` builds the recognisers in a worker thread: importing Presidio takes one second, or three if its bytecode
    is not compiled yet.

    Raises:
        SettingsInvalid: `phone_regions` names a region that does not exist.
    """

    name = "personal_data"

    def __init__(self, settings: PersonalDataSettings) -> None:
        _check_regions(settings.phone_regions)
        self._settings = settings
        self._kinds = {stage: looked_for(stage, settings) for stage in Stage}
        self._ready = not any(self._kinds.values())

    async def prepare(self) -> None:
        """Import and build the recognisers, unless everything is allowed."""
        if not self._ready:
            kinds = sorted({kind for kinds in self._kinds.values() for kind in kinds})
            await asyncio.to_thread(_recognisers, tuple(kinds), self._settings)
            self._ready = True

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        kinds = self._kinds[stage]
        if not kinds:
            return self.allow()
        found = await asyncio.to_thread(_found, text, kinds, self._settings)
        return judged(self.name, found, stage, self._settings)


def find_personal_data(
    text: str, kinds: tuple[PersonalDataKind, ...] = KINDS, settings: PersonalDataSettings | None = None
) -> tuple[Mask, ...]:
    """Return the spans of `kinds` in `text`, sorted and without overlaps."""
    return merge_masks(_found(text, kinds, settings or PersonalDataSettings()))


def _found(text: str, kinds: tuple[PersonalDataKind, ...], settings: PersonalDataSettings) -> list[Mask]:
    return [mask for find in _recognisers(kinds, settings) for mask in find(text)]


def _recognisers(kinds: tuple[PersonalDataKind, ...], settings: PersonalDataSettings) -> list[Recogniser]:
    return [_recogniser(kind, settings.phone_regions) for kind in kinds]


def _check_regions(regions: tuple[str, ...]) -> None:
    if regions == PersonalDataSettings().phone_regions:
        return  # without loading the library
    import phonenumbers

    if unknown := sorted(set(regions) - phonenumbers.SUPPORTED_REGIONS):
        raise SettingsInvalid(
            f"`policy.personal_data.phone_regions` names {', '.join(map(repr, unknown))}, which is no region",
            hint="use the codes of ISO 3166 in capitals, for example GB and not UK",
        )


@cache
def _recogniser(kind: PersonalDataKind, regions: tuple[str, ...]) -> Recogniser:
    from policy.recognisers import build_recogniser

    return build_recogniser(kind, regions)
