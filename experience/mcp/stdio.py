"""Serves MCP to one local client over standard input and output. Imports little: the client waits for its tools."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from experience.mcp.greeting import Greeter
from experience.mcp.opening import on_first_use
from experience.mcp.tools import create_mcp
from policy.identity import Permission, Principal
from settings import Settings

if TYPE_CHECKING:
    from experience.service.desk import Desk


async def serve_stdio(settings: Settings, tenant: str, greeter: Greeter | None = None) -> None:
    """Serve one client over standard input and output, as an administrator of `tenant`.

    Args:
        settings: the settings of the server.
        tenant: the tenant that the client works for.
        greeter: answers `initialize`, and was made before this module was imported; without it, one is made now.
    """
    greeter = greeter or Greeter()
    # The client started this process as the user, so it can read the home folder anyway: roles would protect nothing.
    principal = Principal(id="local", tenant=tenant, roles=(Permission.ADMIN,), method="loopback")

    async def opens() -> AbstractAsyncContextManager[Desk]:
        # In a thread: these imports take seconds, in which the client may ask for the list of tools.
        opening: Any = await asyncio.to_thread(import_module, "experience.service.opening")
        research: Any = await asyncio.to_thread(import_module, "experience.service.research")
        desk: AbstractAsyncContextManager[Desk] = opening.open_desk(settings, research.open_service)
        return desk

    async with on_first_use(opens) as desk:
        await create_mcp(desk, lambda _: principal, local=True).serve(await greeter.greeted())
