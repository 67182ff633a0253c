"""An MCP server whose tools refuse unknown arguments, and whose errors are JSON with `code`, `message` and `hint`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import ToolAnnotations
from pydantic import ValidationError, create_model

from experience.errors import known_error
from experience.mcp.greeting import Greeted
from experience.mcp.hints import hint_for_agents
from settings.faults import faults_of
from state.errors import BadInput, CorpusMissing, RunMissing, SixplaneError, ThreadMissing

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
SETTLES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
DELETES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
"""The kinds of tools: `SETTLES` and `DELETES` change nothing more when they are called again."""

_MISSING = (ThreadMissing, RunMissing, CorpusMissing)

_log = logging.getLogger(__name__)


def tool(function: Callable[..., Any], kind: ToolAnnotations, title: str) -> Tool:
    """Return a tool that refuses unknown arguments.

    The SDK ignores them: a misspelt `corpus` would be answered from another corpus.
    """
    made = Tool.from_function(function, title=title, annotations=kind, structured_output=True)
    base = made.fn_metadata.arg_model
    strict = create_model(base.__name__, __base__=base, __cls_kwargs__={"extra": "forbid"})
    made.fn_metadata = made.fn_metadata.model_copy(update={"arg_model": strict})
    made.parameters = strict.model_json_schema(by_alias=True)
    return made


class ToolServer(MCPServer[Any]):
    """The server. What a tool or a resource raises reaches the client as JSON.

    An unexpected error shows its type only, since its text may contain a question or a document. The log names it too.
    """

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> Any:
        """Call a tool. Raises `ToolError` with code, message and hint."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            raise ToolError(_told(_tool_error(error))) from error.__cause__

    async def read_resource(self, uri: Any, context: Context[Any, Any] | None = None) -> Any:
        """Read a resource. Raises `ResourceError` with code, message and hint."""
        try:
            return await super().read_resource(uri, context)
        except ResourceError as error:
            ours = _caused(error) if error.__cause__ else BadInput(str(error), hint=_RESOURCES)
            missing = isinstance(error, ResourceNotFoundError) or isinstance(ours, _MISSING)
            raise (ResourceNotFoundError if missing else ResourceError)(_told(ours)) from error.__cause__

    async def serve(self, greeted: Greeted | None) -> None:
        """Serve the client at standard input and output; one that is greeted has the answer to its `initialize`."""
        stdin = anyio.wrap_file(greeted.stdin) if greeted else None
        async with stdio_server(stdin) as (incoming, outgoing):
            rest: Any = (
                outgoing if greeted is None or greeted.answered is None else _AfterGreeting(outgoing, greeted.answered)
            )
            try:
                await self.serve_streams(incoming, rest)
            finally:  # after a signal, a thread still waits for the client, and the block for that thread
                if greeted is not None:
                    greeted.end()

    async def serve_streams(self, incoming: Any, outgoing: Any) -> None:
        """Serve one client whose messages come from `incoming`; what it gets goes to `outgoing`. Both are the SDK's."""
        server = self._lowlevel_server
        await server.run(incoming, outgoing, server.create_initialization_options())


class _AfterGreeting:
    """The stream of messages to a client without the answer to its `initialize`, which it has got already."""

    def __init__(self, outgoing: Any, answered: int | str) -> None:
        self._outgoing, self._answered, self._is_first = outgoing, answered, True

    async def send(self, message: SessionMessage) -> None:
        """Send a message, unless it is that answer."""
        if self._is_first and getattr(message.message, "id", None) == self._answered:
            self._is_first = False
            if hasattr(message.message, "error"):
                _log.error("the MCP SDK refuses an `initialize` that was answered")
            return
        await self._outgoing.send(message)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._outgoing.aclose()

    async def __aenter__(self) -> _AfterGreeting:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


_RESOURCES = "`resources/templates/list` lists the addresses of resources"


def _tool_error(error: ToolError) -> SixplaneError:
    cause = error.__cause__
    if cause is None:
        return BadInput(str(error), hint="`tools/list` lists the tools")
    if isinstance(cause, ValidationError) and not isinstance(error, UnexpectedToolError):
        return BadInput(f"the arguments are invalid: {faults_of(cause)}", hint="")
    return _caused(error)


def _caused(error: ToolError | ResourceError) -> SixplaneError:
    """Return the error of our tree that is the cause of an error of the SDK. Log one that is not expected."""
    cause = error.__cause__ or error
    known = known_error(cause)
    if known is None:
        _log.error("an MCP request failed with %s", type(cause).__name__)
        return SixplaneError(f"unexpected {type(cause).__name__}")
    return known


def _told(error: SixplaneError) -> str:
    hint = hint_for_agents(type(error), error.hint)
    return json.dumps({"code": error.code, "message": error.message, "hint": hint})
