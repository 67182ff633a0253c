"""Access within a tenant: a passage with an `audience` is seen by those who belong to it, any other by everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AUDIENCE = "audience"
"""Key of a document's metadata."""


def visible(where: Mapping[str, Any], audiences: Sequence[str] | None) -> dict[str, Any]:
    """Return `where`, narrowed to what somebody of `audiences` may see; `None` narrows nothing.

    What `where` itself asks of the audience still holds: it can narrow further, and never widen.
    """
    if audiences is None:
        return dict(where)
    asked = where.get(AUDIENCE, {})
    tests: dict[str, Any] = dict(asked) if isinstance(asked, Mapping) else {"$eq": asked}
    allowed: list[Any] = [None, *audiences]
    if isinstance(tests.get("$in"), list | tuple):
        allowed = [value for value in tests["$in"] if value in allowed]
    return {**where, AUDIENCE: {**tests, "$in": allowed}}
