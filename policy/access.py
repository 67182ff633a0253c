"""Access within a tenant: only members of its audience see a passage that names one; everybody sees the others.

The rule exists in two forms that must agree: `visible` narrows a search, `sees` checks passages fetched by id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

AUDIENCE = "audience"
"""The key in a document's metadata that holds its audience."""


def visible(where: Mapping[str, Any], audiences: Sequence[str] | None) -> dict[str, Any]:
    """Return the filter `where`, narrowed to what a member of `audiences` may see; `None` means no restriction.

    A condition on the audience in `where` itself still applies: it can narrow the result further, but never widen it.
    """
    if audiences is None:
        return dict(where)
    asked = where.get(AUDIENCE, {})
    tests: dict[str, Any] = dict(asked) if isinstance(asked, Mapping) else {"$eq": asked}
    allowed: list[Any] = [None, *audiences]
    if isinstance(tests.get("$in"), list | tuple):
        allowed = [value for value in tests["$in"] if value in allowed]
    return {**where, AUDIENCE: {**tests, "$in": allowed}}


def sees(metadata: Mapping[str, Any], audiences: Sequence[str] | None) -> bool:
    """Whether a member of `audiences` may see a passage with this metadata; `None` means no restriction."""
    return audiences is None or metadata.get(AUDIENCE) in (None, *audiences)
