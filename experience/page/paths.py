"""The addresses of the page. The process that takes connections tells them from those of the API, and has no routes."""

from __future__ import annotations

from starlette.routing import compile_path
from starlette.types import Scope

SIGN_IN = "/sign-in"

PATHS = (
    "/",
    "/ask",
    "/assets/{digest}/{name}",
    "/corpora",
    "/corpora/{corpus}",
    "/corpora/{corpus}/delete",
    "/corpora/{corpus}/documents",
    "/corpora/{corpus}/documents/delete",
    "/corpora/{corpus}/uploads/{name}/events",
    "/costs",
    "/passages/{corpus}/{evidence_id}",
    SIGN_IN,
    f"{SIGN_IN}/back",
    f"{SIGN_IN}/issuer",
    "/sign-out",
    "/threads",
    "/threads/{thread_id}",
    "/threads/{thread_id}/delete",
    "/threads/{thread_id}/events",
    "/threads/{thread_id}/resume",
    "/threads/{thread_id}/review",
    "/threads/{thread_id}/stop",
)

_PATTERNS = [compile_path(path)[0] for path in PATHS]


def is_of_page(scope: Scope) -> bool:
    """Whether the page has the address of a request."""
    return any(pattern.match(scope["path"]) for pattern in _PATTERNS)


def needs_nobody(path: str) -> bool:
    """Whether the page shows an address to whoever asks: the sign-in, and the files that it loads."""
    return path == SIGN_IN or path.startswith((f"{SIGN_IN}/", "/assets/"))
