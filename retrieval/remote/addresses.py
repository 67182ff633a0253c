"""Tells addresses from paths."""

from __future__ import annotations

_WEB, _STORAGE = ("http://", "https://"), "oci://"


def is_address(given: str) -> bool:
    """Return whether `given` is an address rather than a path."""
    return given.lower().startswith(_WEB) or is_stored(given)


def is_stored(given: str) -> bool:
    """Return whether `given` is an address of OCI Object Storage."""
    return given.lower().startswith(_STORAGE)
