"""Personal data in questions, evidence and answers: what happens to it is set for each kind and stage."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from policy.guard import PROBE, Guard
from policy.masks import merge_masks
from policy.pii_actions import judged, looked_for
from policy.verdict import Stage, Verdict
from settings.personal_data import NAMES, PATTERNS, PersonalDataKind, PersonalDataSettings
from settings.pools import CPU
from state.errors import SettingsInvalid
from state.values import Mask

if TYPE_CHECKING:
    from policy.recognisers import Recogniser


class PersonalDataGuard(Guard):
    """Redacts or refuses the personal data that recognisers find.

    `prepare` builds the recognisers in a worker thread. Presidio, which takes one second to import, or three if its
    bytecode is not compiled yet, is loaded by `warm`, or else for the first text that may hold what it finds.

    Raises:
        SettingsInvalid: `phone_regions` names a region that does not exist.
        DependencyUnavailable: names are to be found, and there is no model for them.
    """

    name = "personal_data"

    def __init__(self, settings: PersonalDataSettings) -> None:
        self._settings = settings
        self._kinds = {stage: looked_for(stage, settings) for stage in Stage}
        _check_regions(settings.phone_regions)
        if any(NAMES & set(kinds) for kinds in self._kinds.values()):
            _check_model(settings.names_model)

    async def prepare(self) -> None:
        """Build the recognisers, unless everything is allowed."""
        await self._read("")

    async def warm(self) -> None:
        """Let the recognisers read a text once that has something for each."""
        await self._read(PROBE)

    async def _read(self, text: str) -> None:
        for kinds in filter(None, dict.fromkeys(self._kinds.values())):
            await CPU.run(_found, text, kinds, self._settings)

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        kinds = self._kinds[stage]
        if not kinds:
            return self.allow()
        given_up = threading.Event()
        try:
            found = await CPU.run(_found, text, kinds, self._settings, given_up)
        finally:
            given_up.set()  # a thread cannot be cancelled: it stops at its next piece
        return judged(self.name, found, stage, self._settings)


def find_personal_data(
    text: str, kinds: tuple[PersonalDataKind, ...] = PATTERNS, settings: PersonalDataSettings | None = None
) -> tuple[Mask, ...]:
    """Return the spans of `kinds` in `text`, sorted and without overlaps.

    Raises:
        DependencyUnavailable: `kinds` has names, and there is no model that finds them.
    """
    return merge_masks(_found(text, kinds, settings or PersonalDataSettings()))


def _found(
    text: str,
    kinds: tuple[PersonalDataKind, ...],
    settings: PersonalDataSettings,
    given_up: threading.Event | None = None,
) -> list[Mask]:
    from policy.recognisers import in_pieces

    return in_pieces(_recognisers(kinds, settings.phone_regions, settings.names_model), text, given_up)


def _check_regions(regions: tuple[str, ...]) -> None:
    if regions == PersonalDataSettings().phone_regions:
        return  # without loading the library
    import phonenumbers

    if unknown := sorted(set(regions) - phonenumbers.SUPPORTED_REGIONS):
        raise SettingsInvalid(
            f"`policy.personal_data.phone_regions` names {', '.join(map(repr, unknown))}, which is no region",
            hint="use the codes of ISO 3166 in capitals, for example GB and not UK",
        )


def _check_model(folder: Path | None) -> None:
    from policy.recognisers.names import model_files

    model_files(folder)


@cache
def _recognisers(
    kinds: tuple[PersonalDataKind, ...], regions: tuple[str, ...], names_model: Path | None
) -> tuple[Recogniser, ...]:
    from policy.recognisers import build_recognisers

    return build_recognisers(kinds, regions, names_model)
