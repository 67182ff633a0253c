"""Lists of the management API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from state.errors import DependencyUnavailable

PROXY = "check SIXPLANE_OCI__MANAGEMENT_ENDPOINT and any proxy in between"


def all_pages(operation: Callable[..., Any], of: str) -> list[Any]:
    """Return the items of all pages of a list. It blocks.

    `oci.pagination.list_call_get_all_results` is not used: it repeats failed requests by the SDK's default strategy,
    up to eight times over minutes, whatever the client's strategy.

    Args:
        operation: a list operation of a client of the SDK.
        of: its argument: whose items.

    Raises:
        DependencyUnavailable: a page names itself as the next one.
        oci.exceptions.ServiceError: OCI refused.
    """
    items: list[Any] = []
    page, seen = "", {""}
    while True:
        answer = operation(of, **({"page": page} if page else {}))
        items += answer.data.items
        page = str(answer.headers.get("opc-next-page") or "")
        if not page:
            return items
        if page in seen:
            raise DependencyUnavailable("the management endpoint lists the same page for ever", hint=PROXY)
        seen.add(page)
