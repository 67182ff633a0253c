"""The recogniser of each kind."""

from __future__ import annotations

from pathlib import Path

from policy.recognisers.addresses import find_street_addresses
from policy.recognisers.formats import recogniser_of
from policy.recognisers.phones import phone_recogniser
from policy.recognisers.pieces import Recogniser
from settings.personal_data import NAMES, PersonalDataKind


def build_recognisers(
    kinds: tuple[PersonalDataKind, ...], regions: tuple[str, ...], names_model: Path | None
) -> tuple[Recogniser, ...]:
    """Return the functions that find `kinds` in a piece of text.

    Raises:
        DependencyUnavailable: a kind is a name, and there is no model.
    """
    names = tuple(kind for kind in kinds if kind in NAMES)
    finders = [_of_pattern(kind, regions) for kind in kinds if kind not in NAMES]
    return (*finders, _of_names(names, names_model)) if names else tuple(finders)


def _of_pattern(kind: PersonalDataKind, regions: tuple[str, ...]) -> Recogniser:
    if kind == "PHONE_NUMBER":
        return phone_recogniser(regions)
    return find_street_addresses if kind == "STREET_ADDRESS" else recogniser_of(kind)


def _of_names(kinds: tuple[PersonalDataKind, ...], folder: Path | None) -> Recogniser:
    from policy.recognisers.names import loaded_model

    model = loaded_model(folder)
    return lambda text: [mask for mask in model.find(text) if mask.kind in kinds]
