"""How messages cross a stream between the two processes: four bytes of length, then MessagePack."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import ormsgpack
from starlette.types import Scope

from policy.identity import Principal

RECEIVE = "receive"
"""The message by which the process that works asks for the next part of a request: nothing is read before."""

DRAIN, END = {"type": "drain"}, {"type": "end"}
"""The orders to the process that works: end all runs after their current step; close the service, and end."""

_LENGTH = 4

_CARRIED = (
    "type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers",
    "client", "server",
)  # fmt: skip
"""The parts of a scope that come from the request; applications add objects of their own process."""


class Reads(Protocol):
    """What a frame is read from."""

    async def readexactly(self, n: int, /) -> bytes:
        """Return `n` bytes. Raises `IncompleteReadError` at the end of the stream."""
        ...


def framed(message: dict[str, Any]) -> bytes:
    """Return a message as a frame."""
    packed = ormsgpack.packb(message)
    return len(packed).to_bytes(_LENGTH) + packed


async def next_frame(stream: Reads) -> dict[str, Any] | None:
    """Return the next message, `None` at the end of the stream or when the other process is gone."""
    try:
        size = int.from_bytes(await stream.readexactly(_LENGTH))
        message: dict[str, Any] = ormsgpack.unpackb(await stream.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return message


def carried(scope: Scope) -> dict[str, Any]:
    """Return the scope of a request as a message, with its id, and with its principal if it is known."""
    given = scope.get("state", {})
    state = {name: given[name] for name in ("request_id",) if name in given}
    if "principal" in given:
        state["principal"] = given["principal"].model_dump(mode="json")
    return {**{name: scope[name] for name in _CARRIED if name in scope}, "state": state}


def scope_of(message: dict[str, Any]) -> Scope:
    """Return the scope of a request from its message."""
    state = dict(message["state"])
    if "principal" in state:
        state["principal"] = Principal.model_validate(state["principal"])
    return {**message, "headers": [(name, value) for name, value in message["headers"]], "state": state}
