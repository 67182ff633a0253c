"""What the MCP server answers to `initialize`, for `experience/mcp/greeting.json`."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from typing import Any
from unittest.mock import create_autospec

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from experience.mcp import create_mcp
from experience.service.desk import Desk


def greeting() -> str:
    """Return the versions of SDK and protocol, and the result without what depends on the client and on our release."""
    answer = sdk_answer({"protocolVersion": "none", "capabilities": {}, "clientInfo": {"name": "docs", "version": "0"}})
    result = answer["result"]
    del result["protocolVersion"], result["serverInfo"]["version"]
    known = {"sdk": version("mcp"), "versions": list(HANDSHAKE_PROTOCOL_VERSIONS), "result": result}
    return json.dumps(known, indent=2, ensure_ascii=False) + "\n"


def sdk_answer(params: Any, request_id: int | str = 1) -> dict[str, Any]:
    """Return what the SDK's server answers to an `initialize` with `params`."""
    return asyncio.run(_asked(JSONRPCRequest(jsonrpc="2.0", id=request_id, method="initialize", params=params)))


async def _asked(request: JSONRPCRequest) -> dict[str, Any]:
    desk = create_autospec(Desk, instance=True)
    server = create_mcp(desk, lambda _: desk, local=True)
    to_server, incoming = anyio.create_memory_object_stream[Any](1)
    outgoing, from_server = anyio.create_memory_object_stream[Any](1)
    serving = asyncio.create_task(server.serve_streams(incoming, outgoing))
    async with to_server, from_server:
        await to_server.send(SessionMessage(request))
        answer = await from_server.receive()
    await serving
    found: dict[str, Any] = json.loads(answer.message.model_dump_json(by_alias=True, exclude_unset=True))
    return found
