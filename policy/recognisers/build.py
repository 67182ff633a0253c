"""The recogniser of each kind."""

from __future__ import annotations

from policy.recognisers.addresses import find_street_addresses
from policy.recognisers.phones import phone_recogniser
from policy.recognisers.pieces import Recogniser, in_pieces
from policy.recognisers.presidio import presidio_recogniser
from settings.personal_data import PersonalDataKind


def build_recogniser(kind: PersonalDataKind, regions: tuple[str, ...]) -> Recogniser:
    """Return the function that finds `kind`; national telephone numbers are those of `regions`."""
    if kind == "PHONE_NUMBER":
        return in_pieces(phone_recogniser(regions))
    if kind == "STREET_ADDRESS":
        return in_pieces(find_street_addresses)
    return in_pieces(presidio_recogniser(kind))
