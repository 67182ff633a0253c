"""The MCP server with its tools and resources."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from experience.mcp.callers import Callers, DeskOf, PrincipalOf
from experience.mcp.documents import document_tools, keeping_tools
from experience.mcp.research import research_tools
from experience.mcp.server import ToolServer
from state.errors import PolicyRefusal, ThreadMissing

INSTRUCTIONS = (
    "Answers questions from the user's own documents. Call `research_start`, then call `research_result` until its "
    "status is no longer `running`. Every claim in a report cites the exact text span that supports it. `search` finds "
    "passages without writing a report. `list_corpora` lists what can be asked."
)


def create_mcp(desk: DeskOf, principal: PrincipalOf, *, local: bool) -> ToolServer:
    """Return the MCP server.

    Args:
        desk: returns the desk, and opens it if need be.
        principal: returns the principal of a call.
        local: whether the client runs on this machine and may ingest files by their paths.
    """
    callers = Callers(desk, principal)
    tools = [*research_tools(callers), *document_tools(callers, local=local), *keeping_tools(callers)]
    server = ToolServer("sixplane", instructions=INSTRUCTIONS, version=version("sixplane"), tools=tools)
    _add_resources(server, callers)
    return server


def _add_resources(server: ToolServer, callers: Callers) -> None:
    @server.resource("sixplane://reports/{thread_id}", mime_type="text/markdown")
    async def report(thread_id: str, ctx: Context[Any]) -> str:
        """The latest report of a thread as Markdown, with its sources."""
        from experience.render import render_markdown  # with its HTML side, which no tool needs

        desk, principal = await callers.of(ctx)
        view = await desk.thread(principal, thread_id)
        if view.report is None:
            raise ThreadMissing(f"the thread {thread_id!r} has no report yet")
        return render_markdown(view.report)

    @server.resource("sixplane://passages/{corpus}/{evidence_id}", mime_type="application/json")
    async def passage(corpus: str, evidence_id: str, ctx: Context[Any]) -> str:
        """A passage by its evidence id: its text, its place and its document."""
        desk, principal = await callers.of(ctx)
        found = await desk.passages(principal, corpus, [evidence_id])
        for category in found.left_out:
            raise PolicyRefusal(f"a guard refuses the passage: {category}", hint="see docs/security.md#guards")
        if not found.passages:
            raise ResourceNotFoundError(f"there is no passage {evidence_id!r}")
        return found.passages[0].model_dump_json()
