"""The files that the page loads: styles, scripts, and htmx, which is shipped with it. No other host is asked."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

_FILES = {
    "htmx.min.js": ("experience.page", "assets/htmx.min.js"),
    "htmx-sse.min.js": ("experience.page", "assets/htmx-sse.min.js"),
    "page.js": ("experience.page", "assets/page.js"),
    "page.css": ("experience.page", "assets/page.css"),
    "icon.svg": ("experience.page", "assets/icon.svg"),
    "report.css": ("experience.render", "report.css"),
}

_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

_FOR_GOOD = "public, max-age=31536000, immutable"

router = APIRouter()


@router.get("/assets/{digest}/{name}")
async def asset_file(digest: str, name: str) -> Response:
    """Return a file. Its address holds its hash, so a browser never asks for it twice."""
    if name not in _FILES or digest != _digest(name):
        raise HTTPException(404, "there is no such file")
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(_content(name), media_type=kind, headers={"cache-control": _FOR_GOOD})


def asset(name: str) -> str:
    """Return the address of a file."""
    return f"/assets/{_digest(name)}/{name}"


@cache
def _content(name: str) -> bytes:
    package, path = _FILES[name]
    return (files(package) / path).read_bytes()


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:16]
