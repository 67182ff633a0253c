"""Answers `initialize` over standard input and output before the SDK is imported: that takes longer than all the rest.

The answer stands in `greeting.json`, which `make docs` takes from the SDK's own server. With another release of the
SDK, and for everything but a plain `initialize`, the SDK answers. Either way it then gets all that the client has sent.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
import select
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ANSWER = Path(__file__).with_name("greeting.json")

_REQUEST = {"jsonrpc", "id", "method", "params"}
_PARAMS = {"protocolVersion", "capabilities", "clientInfo"}
_CLIENT = {"name", "version", "title", "description", "websiteUrl"}
_LARGEST_ID = 2**53
"""Beyond it, numbers of JSON are not exact for every client."""

_PIECE = 65_536
"""Bytes that are read at a time. A longer first line is the SDK's to answer."""

_DEEPEST = 16
"""How many objects within each other are still usual. The SDK refuses some 200, Python's `json` many more."""


@dataclass(frozen=True)
class Greeted:
    """What a client sends, from the first byte on, and the id of its `initialize` if that is answered already."""

    stdin: io.TextIOWrapper
    answered: int | str | None
    end: Callable[[], None]
    """Makes `stdin` end, also for a thread that waits for the client."""


class Greeter:
    """Reads the first line of standard input in a thread, and answers it if it is a plain `initialize`.

    It begins when it is made. The SDK can be imported meanwhile.
    """

    def __init__(self) -> None:
        self._greeted: Future[Greeted | None] = Future()
        # A daemon: a client that never sends a line must not keep the process.
        threading.Thread(target=self._greet, name="greeter", daemon=True).start()

    async def greeted(self) -> Greeted | None:
        """Wait for the first line; `None` if standard input is not the one that this process was started with."""
        return await asyncio.shield(asyncio.wrap_future(self._greeted))

    def _greet(self) -> None:
        try:
            self._greeted.set_result(_greet() if _is_standard_input() else None)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, and would wait for ever without
            self._greeted.set_exception(error)


def _greet() -> Greeted:
    # A descriptor of its own: what a tool starts must find nothing to read at 0, as with the SDK's own streams.
    wire, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    read, piece = bytearray(), b"more"
    while piece and b"\n" not in piece:
        piece = os.read(wire, _PIECE)
        read += piece
    answer = answer_to(bytes(read).partition(b"\n")[0])
    if answer is not None:
        _write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    sent = _Sent(bytes(read), wire, is_all=not piece)
    stdin = io.TextIOWrapper(io.BufferedReader(sent), encoding="utf-8", errors="replace")
    return Greeted(stdin, answer["id"] if answer else None, sent.end)


def _is_standard_input() -> bool:
    try:
        return sys.stdin.fileno() == 0
    except (AttributeError, OSError, ValueError):  # a double of a test, or closed
        return False


def _write(line: bytes) -> None:
    while line:
        line = line[os.write(1, line) :]


class _Sent(io.RawIOBase):
    """What has been read from a descriptor, and then what is read from it, until `end` is called.

    It closes no descriptor: a thread may still use it when the server ends.
    """

    def __init__(self, read: bytes, wire: int, *, is_all: bool) -> None:
        self._read, self._wire = io.BytesIO(read), wire
        self._ended, self._ends = os.pipe()
        if is_all:  # a terminal would be asked again, and ended with Ctrl-D again
            self.end()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        taken = self._read.readinto(buffer)
        if taken or self._has_ended():
            return taken
        piece = os.read(self._wire, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _has_ended(self) -> bool:
        """Wait until there is something to read. Without it, a signal could not end the server of a silent client."""
        if sys.platform == "win32":  # it cannot wait for pipes
            return False
        ready, _, _ = select.select([self._wire, self._ended], [], [])
        return self._ended in ready

    def end(self) -> None:
        os.write(self._ends, b".")


def answer_to(line: bytes) -> dict[str, Any] | None:
    """Return the answer to a line that is a plain `initialize`; `None` if the SDK has to answer it."""
    if len(line) > _PIECE:
        return None
    try:
        request = json.loads(line.decode())
        json.dumps(request, ensure_ascii=False).encode()  # the SDK refuses halves of a surrogate pair
    except (ValueError, RecursionError):
        return None
    # A carriage return within the line ends it for the SDK.
    if b"\r" in line[:-1] or not _is_plain(request):
        return None
    try:
        known: dict[str, Any] = json.loads(ANSWER.read_text(encoding="utf-8"))
        if known["sdk"] != version("mcp"):
            return None
        ours = version("sixplane")
    except (PackageNotFoundError, OSError):
        return None
    wanted, versions = request["params"]["protocolVersion"], known["versions"]
    result = {"protocolVersion": wanted if wanted in versions else versions[-1], **known["result"]}
    result["serverInfo"] = {**result["serverInfo"], "version": ours}
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def _is_plain(request: Any) -> bool:
    """Whether the SDK surely accepts a request. It is asked about all that is less usual."""
    if not isinstance(request, dict) or set(request) != _REQUEST:
        return False
    number, params = request["id"], request["params"]
    named = isinstance(number, str) or (type(number) is int and abs(number) < _LARGEST_ID)
    if not named or (request["jsonrpc"], request["method"]) != ("2.0", "initialize"):
        return False
    if not isinstance(params, dict) or set(params) != _PARAMS or not isinstance(params["protocolVersion"], str):
        return False
    client, able = params["clientInfo"], params["capabilities"]
    if not isinstance(client, dict) or not {"name", "version"} <= set(client) <= _CLIENT:
        return False
    if not all(isinstance(value, str) for value in client.values()) or not isinstance(able, dict):
        return False
    return all(_is_usual(name, value) for name, value in able.items())


def _is_usual(name: str, value: Any) -> bool:
    """Whether a client may say this of one of its capabilities."""
    if not isinstance(value, dict):
        return False
    if name == "roots" and value:
        return list(value) == ["listChanged"] and isinstance(value["listChanged"], bool)
    if name in ("experimental", "extensions"):  # settings of any kind
        return all(isinstance(each, dict) and _is_shallow(each) for each in value.values())
    return _is_bare(value)


def _is_bare(value: Any, depth: int = _DEEPEST) -> bool:
    """Whether a value is an object of objects without any other value."""
    return depth > 0 and isinstance(value, dict) and all(_is_bare(each, depth - 1) for each in value.values())


def _is_shallow(value: Any, depth: int = _DEEPEST) -> bool:
    """Whether a value of JSON has few levels and no number that JSON does not know."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_shallow(each, depth - 1) for each in inner)
    return not isinstance(value, float) or math.isfinite(value)
