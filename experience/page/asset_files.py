"""The files that the page loads: styles, scripts, and htmx, which is shipped with it. No other host is asked."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

FILES = {
    "htmx.min.js": ("experience.page", "assets/htmx.min.js"),
    "htmx-sse.min.js": ("experience.page", "assets/htmx-sse.min.js"),
    "page.js": ("experience.page", "assets/page.js"),
    "page.css": ("experience.page", "assets/page.css"),
    "icon.svg": ("experience.page", "assets/icon.svg"),
    "report.css": ("experience.render", "report.css"),
}
"""The package and the path of each file, by its name."""


def asset(name: str) -> str:
    """Return the address of a file."""
    return f"/assets/{digest_of(name)}/{name}"


@cache
def content(name: str) -> bytes:
    """Return the bytes of a file."""
    package, path = FILES[name]
    return (files(package) / path).read_bytes()


@cache
def digest_of(name: str) -> str:
    """Return the hash of a file that stands in its address."""
    return hashlib.sha256(content(name)).hexdigest()[:16]
