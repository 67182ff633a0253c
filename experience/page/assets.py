"""The route of the files that the page loads."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from experience.page.asset_files import FILES, content, digest_of

_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

_FOR_GOOD = "public, max-age=31536000, immutable"

router = APIRouter()


@router.get("/assets/{digest}/{name}")
async def asset_file(digest: str, name: str) -> Response:
    """Return a file. Its address holds its hash, so a browser never asks for it twice."""
    if name not in FILES or digest != digest_of(name):
        raise HTTPException(404, "there is no such file")
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(content(name), media_type=kind, headers={"cache-control": _FOR_GOOD})
