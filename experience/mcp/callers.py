"""Who calls a tool, and the desk that serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context

from policy.identity import Principal

if TYPE_CHECKING:  # it loads LangGraph, which an `initialize` must not wait for
    from experience.service.desk import Desk

PrincipalOf = Callable[[Context[Any]], Principal]
DeskOf = Callable[[], "Awaitable[Desk]"]


@dataclass(frozen=True)
class Callers:
    """Gives each call its desk and its principal.

    Args:
        desk: returns the desk, and opens it if need be.
        principal: returns the principal of a call.
    """

    desk: DeskOf
    principal: PrincipalOf

    async def of(self, ctx: Context[Any]) -> tuple[Desk, Principal]:
        """Return the desk and the principal of a call."""
        principal = self.principal(ctx)
        return await self.desk(), principal
