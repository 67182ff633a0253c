"""An endpoint on 127.0.0.1 that speaks OpenAI's chat completions over the wire, and misbehaves on request.

with OpenAIServer(Reply("{}"), Reply(status=500)) as server:
    settings = load_settings(openai={"base_url": server.base_url})
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass(frozen=True)
class Reply:
    """One answer: `content` as a chat completion, or `body` as it stands, once `gate` is set and `delay` has passed."""

    content: str = ""
    status: int = 200
    headers: dict = field(default_factory=dict)
    finish_reason: str = "stop"
    usage: tuple[int, int] | None = (100, 20)
    delay: float = 0.0
    gate: threading.Event | None = None
    body: str | None = None
    error: str = "something is wrong"


class OpenAIServer:
    """Answers with `replies` in order; the last one repeats; a function gets the body.

    `requests` are the bodies it was sent.

    `refuses` maps names of fields to the message of the 400 that a request with such a field gets; `json_schema`,
    `json_object` and keywords of a schema (`minItems`) count as fields. `status` replaces the 400. With `strict`, a
    schema that OpenAI's strict mode does not take is refused in OpenAI's words.
    """

    def __init__(
        self,
        *replies: Reply | Callable[[dict], Reply],
        api_key: str = "",
        refuses: dict | None = None,
        status: int = 400,
        strict: bool = False,
    ) -> None:
        self._replies, self._api_key, self._refuses = replies, api_key, refuses or {}
        self._status, self._strict, self._answered = status, strict, 0
        self.requests: list[dict] = []
        self.headers: list[dict] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the endpoint did not start")
            time.sleep(0.005)
        return self

    def __exit__(self, *_):
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    async def _complete(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.headers.append(dict(request.headers))
        refusal = self._refusal(request)
        if refusal:
            return refusal
        self._answered += 1
        reply = self._replies[min(self._answered, len(self._replies)) - 1]
        if callable(reply):
            reply = reply(self.requests[-1])
        while reply.gate and not reply.gate.is_set():  # noqa: ASYNC110 - a test's thread sets it, not this loop
            await asyncio.sleep(0.005)
        await asyncio.sleep(reply.delay)
        if reply.body is not None:
            return Response(reply.body, reply.status, reply.headers, media_type="text/html")
        if reply.status != 200:
            return _error(reply.status, reply.error, reply.headers)
        return JSONResponse(_completion(reply, self.requests[-1]["model"]), headers=reply.headers)

    def _refusal(self, request: Request) -> Response | None:
        if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            return _error(401, "Incorrect API key provided", {})
        sent = self.requests[-1]
        named = {*sent, *fields_of(sent.get("response_format"))}
        refused = next((message for name, message in self._refuses.items() if name in named), None)
        if refused:
            return _error(self._status, refused, {})
        wrong = self._strict and fault_of(sent.get("response_format"))
        return _error(400, wrong, {}) if wrong else None


STRICT = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
    *("description", "title", "minItems", "maxItems"),
}
"""The keywords of OpenAI's strict mode that a role's schema may need."""


def fields_of(wanted) -> set[str]:
    """Return what may be refused of a response format: its type and every key in its schema."""
    if isinstance(wanted, dict):
        return {wanted["type"]} if wanted.get("type") == "json_object" else {*_keys(wanted), str(wanted.get("type"))}
    return set()


def fault_of(wanted) -> str:
    """Return why OpenAI's strict mode would refuse a response format, empty if it would not."""
    described = (wanted or {}).get("json_schema") or {}
    wrong = described.get("strict") and _strict_fault(described["schema"], ())
    return f"Invalid schema for response_format '{described['name']}': {wrong}" if wrong else ""


def _strict_fault(node, path):
    where = f"In context={path!r}, "
    unknown = sorted(set(node) - STRICT)
    if unknown:
        return f"{where}'{unknown[0]}' is not permitted."
    if node.get("type") == "object":
        if node.get("additionalProperties") is not False:
            return f"{where}'additionalProperties' is required to be supplied and to be false."
        if set(node.get("required", ())) != set(node["properties"]):
            return f"{where}'required' is required to be supplied and to be an array including every key in properties."
    children = [*node.get("properties", {}).items(), *([("items", node["items"])] if "items" in node else [])]
    return next((wrong for name, child in children if (wrong := _strict_fault(child, (*path, name)))), "")


def _keys(value):
    if isinstance(value, dict):
        return {*value, *(key for child in value.values() for key in _keys(child))}
    return {key for child in value for key in _keys(child)} if isinstance(value, list) else set()


def unused_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _error(status, message, headers):
    return JSONResponse({"error": {"message": message, "type": "error", "code": status}}, status, headers)


def _completion(reply, model):
    message = {"role": "assistant", "content": reply.content}
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason, "logprobs": None}],
    }
    if reply.usage:
        asked, said = reply.usage
        completion["usage"] = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return completion
