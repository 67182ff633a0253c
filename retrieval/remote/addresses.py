"""Tells addresses from paths."""

from __future__ import annotations

import re

_WEB, _STORAGE = ("http://", "https://"), "oci://"
_SECRET = re.compile(r"(?<=://)[^/?#]*(?=@)")


def is_address(given: str) -> bool:
    """Return whether `given` is an address rather than a path."""
    return given.lower().startswith(_WEB) or is_stored(given)


def is_stored(given: str) -> bool:
    """Return whether `given` is an address of OCI Object Storage."""
    return given.lower().startswith(_STORAGE)


def shown(address: str) -> str:
    """Return an address as reports show it: without a user name and a password.

    >>> shown("https://ann:secret@example.org/a@b")
    'https://…@example.org/a@b'
    """
    return _SECRET.sub("…", address)
