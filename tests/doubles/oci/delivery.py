"""How an answer leaves the server, and what can go wrong on the way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.doubles.oci import chat_formats
from tests.doubles.oci.answers import ChatCall, Reply
from tests.doubles.oci.faults import Fault
from tests.doubles.oci.records import Call

JSON, EVENTS = "application/json", "text/event-stream"
_BROKEN_FRAME = b'data: {"text": "lo\n\n'


@dataclass(frozen=True)
class Answer:
    """What a service answers: `parts` are sent one by one. `whole`: it has its end, and nothing is wrong with it."""

    parts: Sequence[bytes] = (b"",)
    status: int = 200
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    whole: bool = True


def json_answer(body: Any, status: int = 200) -> Answer:
    """Return an answer of JSON."""
    return Answer([json.dumps(body, ensure_ascii=False).encode()], status, whole=status < 400)


def error_answer(status: int, code: str, message: str) -> Answer:
    """Return an error of the service."""
    return json_answer({"code": code, "message": message}, status)


def fault_answer(fault: Fault) -> Answer:
    """Return what a `status` fault answers instead of the service."""
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["retry-after"] = f"{fault.retry_after:g}"
    body = fault.body if fault.body is not None else {"code": fault.error_code, "message": fault.message}
    if isinstance(body, dict):
        return Answer([json.dumps(body).encode()], fault.status, JSON, headers, whole=False)
    media = fault.media or ("text/html" if body.startswith("<") else JSON)
    return Answer([body.encode(errors="surrogateescape")], fault.status, media, headers, whole=False)


def chat_answer(chat: ChatCall, reply: Reply, fault: Fault | None) -> Answer:
    """Return a model's answer, with the fault where it is one of the answer's content."""
    kind = fault.kind if fault else ""
    error = fault.message if fault and kind == "error_finish" else ""
    said: dict[str, Any] = {"error": error, "ended": kind != "no_finish"}
    whole = kind not in ("error_finish", "no_finish", "malformed_frame")
    if not chat.stream:
        body = json.dumps(chat_formats.whole_answer(chat, reply, **said), ensure_ascii=False).encode()
        return Answer([body[:-2] if kind == "malformed_frame" else body], whole=whole)
    parts = [frame.encode() for frame in chat_formats.frames(chat, reply, **said)]
    if kind == "malformed_frame":
        parts.insert(len(parts) // 2, _BROKEN_FRAME)
    return Answer(parts, media=EVENTS, whole=whole)


class Delivery(Response):
    """Sends an `Answer`, and marks the call completed just before the last byte of a whole one.

    Args:
        answer: what to send.
        call: whose account it goes to.
        fault: what goes wrong on the way, if anything.
        request_id: of the response.
    """

    def __init__(self, answer: Answer, call: Call, fault: Fault | None, request_id: str) -> None:
        self._answer, self._call, self._fault = answer, call, fault
        self._kind = fault.kind if fault else ""
        media = fault.value if fault and fault.kind == "content_type" else answer.media
        headers = {**answer.headers, "opc-request-id": request_id, "content-type": media}
        if answer.media != EVENTS and self._kind != "no_content_length":
            headers["content-length"] = str(sum(map(len, answer.parts)))
        call.status, call.request_id = answer.status, request_id
        super().__init__(status_code=answer.status)
        self.raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._fault and await _left_while_waiting(self._fault, receive):
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        *parts, last = self._answer.parts or [b""]
        if self._kind == "drop_midstream":
            await self._drop([*parts, last], send)
            return
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0)
        gone = await Request(scope, receive).is_disconnected()
        self._call.completed = self._answer.whole and not gone
        stays_open = self._kind == "stays_open"
        await send({"type": "http.response.body", "body": last, "more_body": stays_open})
        if stays_open:
            while (await receive())["type"] != "http.disconnect":
                pass

    async def _drop(self, parts: list[bytes], send: Send) -> None:
        """Send half of it and return: uvicorn closes the connection of a response that is not finished."""
        half = parts[: len(parts) // 2] if len(parts) > 1 else [parts[0][: len(parts[0]) // 2]]
        for part in half:
            await send({"type": "http.response.body", "body": part, "more_body": True})


class Dated:
    """Dates every answer by a clock that is `ahead` of this machine's by so many seconds."""

    def __init__(self, app: ASGIApp, ahead: float) -> None:
        self._app, self._ahead = app, ahead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(time.time() + self._ahead, usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        await self._app(scope, receive, dated)


async def _left_while_waiting(fault: Fault, receive: Receive) -> bool:
    """Wait as the fault demands; return whether the client left meanwhile."""
    if fault.kind not in ("hang", "slow_first_byte"):
        return False
    try:
        async with asyncio.timeout(fault.seconds if fault.kind == "slow_first_byte" else None):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
