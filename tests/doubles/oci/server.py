"""The server: routes, signatures, faults, and the count of everything that was asked and said.

with LocalOCI(answer=lambda call: "Hello") as oci:
    client = GenerativeAiInferenceClient(oci.config, service_endpoint=oci.url)
"""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.doubles.oci import chat_formats, services
from tests.doubles.oci.answers import Answers, ChatCall, Reply
from tests.doubles.oci.faults import Fault, Faults
from tests.doubles.oci.signature import NotAuthenticated, check_signature, fingerprint_of, pem_of, throw_away_key

TENANCY, USER = "ocid1.tenancy.oc1..local", "ocid1.user.oc1..local"
COMPARTMENT = "ocid1.compartment.oc1..local"


@dataclass
class Call:
    """One request as it was served. `completed`: the whole answer left the server."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    status: int = 0
    model: str = ""
    prompt_chars: int = 0
    answer_chars: int = 0
    completed: bool = False


@dataclass
class Seen:
    """What reached the telemetry services."""

    metrics: list[dict[str, Any]] = field(default_factory=list)
    log_entries: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)


class LocalOCI:
    """Serves on 127.0.0.1.

    Args:
        answer: what the chat models say, to each `ChatCall`.
        embed: makes vectors.
        key: of the signatures that are accepted; the process's throw-away key without one.
        token: a security token that is accepted beside the API key.
        data_key: the data key of APM.
        unsafe: words that the content moderation flags.
        delay: seconds before each answer of a model.
    """

    def __init__(
        self,
        answer: Answers = lambda call: "Hello.",
        *,
        embed: services.Embed = services.hashed_words,
        key: Any = None,
        token: str = "",
        data_key: str = "",
        unsafe: tuple[str, ...] = ("bombspell",),
        delay: float = 0.0,
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self._answer, self._embed, self._unsafe, self._data_key = answer, embed, unsafe, data_key
        self._delay = delay
        self._key = key or throw_away_key()
        self._key_ids = {f"{TENANCY}/{USER}/{fingerprint_of(self._key)}", *([f"ST${token}"] if token else [])}
        self.faults, self.seen = Faults(seed), Seen()
        self.calls: list[Call] = []
        self.rejected: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._server = uvicorn.Server(
            uvicorn.Config(self.app(), log_level="critical", lifespan="off", backlog=2048, timeout_keep_alive=60)
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def config(self) -> dict[str, str]:
        """A configuration that the SDK takes."""
        return {
            "tenancy": TENANCY,
            "user": USER,
            "fingerprint": fingerprint_of(self._key),
            "region": "us-chicago-1",
            "key_content": pem_of(self._key),
        }

    def of(self, path: str) -> list[Call]:
        """Return the calls of one operation."""
        with self._lock:
            return [call for call in self.calls if call.path == path]

    def completed_chars(self) -> int:
        """Return the characters of prompts and answers of completed chat calls."""
        return sum(call.prompt_chars + call.answer_chars for call in self.of("chat") if call.completed)

    def all_chars(self) -> int:
        """Return the characters of all chat calls that a model answered, whether the answer arrived or not."""
        return sum(call.prompt_chars + call.answer_chars for call in self.of("chat") if call.answer_chars)

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()
        for _ in range(2_000):
            if self._server.started:
                return
            time.sleep(0.005)
        raise TimeoutError("the local OCI did not start")

    def stop(self) -> None:
        """Serve no longer."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def __enter__(self) -> LocalOCI:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def app(self) -> Starlette:
        """Return the application."""
        actions: dict[str, Callable[[Call], Awaitable[Response]]] = {
            "/20231130/actions/chat": self._chat,
            "/20231130/actions/embedText": self._embed_text,
            "/20231130/actions/rerankText": self._rerank,
            "/20231130/actions/applyGuardrails": self._guardrails,
            "/20200831/logs/{id}/actions/push": self._logs,
            "/20180401/metrics": self._metrics,
            "/20181201/topics/{id}/messages": self._messages,
        }
        routes = [Route(path, self._signed(serve), methods=["POST"]) for path, serve in actions.items()]
        traces = "/20200101/opentelemetry/private/v1/traces"
        counts = Route("/_double/calls", self._counts, methods=["GET"])
        return Starlette(routes=[*routes, Route(traces, self._traces, methods=["POST"]), counts])

    def _signed(self, serve: Callable[[Call], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            request_id = request.headers.get("opc-request-id") or uuid.uuid4().hex.upper()
            try:
                self._check(request, body)
            except NotAuthenticated as error:
                with self._lock:
                    self.rejected[str(error)] += 1
                return _error(401, "NotAuthenticated", str(error), request_id)
            call = Call(_operation(request.url.path), json.loads(body), dict(request.headers))
            with self._lock:
                self.calls.append(call)
            fault = self.faults.next(call.path)
            if fault is not None and fault.kind in ("slow_first_byte", "hang"):
                await asyncio.sleep(fault.seconds or 3_600)
            if fault is not None and fault.kind == "status":
                call.status = fault.status
                return _faulty(fault, request_id)
            response = await self._served(serve, call, fault)
            response.headers["opc-request-id"] = request_id
            call.status = response.status_code
            return response

        return endpoint

    async def _served(self, serve: Callable[[Call], Awaitable[Response]], call: Call, fault: Fault | None) -> Response:
        try:
            response = await serve(call)
        except (LookupError, TypeError) as error:
            return _error(400, "InvalidParameter", f"missing or wrong: {error}", "")
        if isinstance(response, _Stream):
            return response.streaming(fault, call)
        if fault is None:
            call.completed = True
            return response
        return _misbehaving(response, fault, call)

    def _check(self, request: Request, body: bytes) -> None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        check_signature(request.method, target, request.headers, body, self._key.public_key(), self._key_ids)

    async def _chat(self, call: Call) -> Response:
        chat = chat_formats.read_call(call.body)
        call.model, call.prompt_chars = chat.model, chat.chars
        await asyncio.sleep(self._delay)
        said = self._answer(chat)
        if inspect.isawaitable(said):
            said = await said
        reply = said if isinstance(said, Reply) else Reply(str(said))
        call.answer_chars = reply.chars
        return _Stream(chat, reply) if chat.stream else _Whole(chat, reply)

    async def _embed_text(self, call: Call) -> Response:
        return JSONResponse(await asyncio.to_thread(services.embed_answer, call.body, self._embed))

    async def _rerank(self, call: Call) -> Response:
        return JSONResponse(services.rerank_answer(call.body))

    async def _guardrails(self, call: Call) -> Response:
        return JSONResponse(services.guardrails_answer(call.body, self._unsafe))

    async def _logs(self, call: Call) -> Response:
        self.seen.log_entries += [entry for batch in call.body["logEntryBatches"] for entry in batch["entries"]]
        return Response(status_code=200)

    async def _metrics(self, call: Call) -> Response:
        status, answer = services.metrics_answer(call.body)
        self.seen.metrics += call.body["metricData"] if status == 200 else []
        return JSONResponse(answer, status)

    async def _messages(self, call: Call) -> Response:
        self.seen.messages.append(call.body)
        return JSONResponse({"messageId": uuid.uuid4().hex}, 202)

    async def _traces(self, request: Request) -> Response:
        if self._data_key and request.headers.get("authorization") != f"dataKey {self._data_key}":
            return Response(status_code=401)
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        self.seen.spans += [
            span for group in sent.resource_spans for scope in group.scope_spans for span in scope.spans
        ]
        return Response(status_code=200)

    async def _counts(self, _: Request) -> Response:
        with self._lock:
            by_path = Counter(call.path for call in self.calls)
        return JSONResponse(
            {
                "verified": sum(by_path.values()),
                "rejected": sum(self.rejected.values()),
                "by_operation": by_path,
                "completed_chars": self.completed_chars(),
                "all_chars": self.all_chars(),
            }
        )


class _Whole(JSONResponse):
    """A whole answer, made anew where a fault changes what it says."""

    def __init__(self, chat: ChatCall, reply: Reply) -> None:
        self.chat, self.reply = chat, reply
        super().__init__(chat_formats.whole_answer(chat, reply))

    def ended(self, reason: str | None) -> JSONResponse:
        """Return the answer with another end."""
        answer = chat_formats.whole_answer(self.chat, Reply(self.reply.text, finish_reason=reason or "stop"))
        if reason is None:
            chat = answer["chatResponse"]
            (chat["choices"][0] if "choices" in chat else chat).pop("finishReason")
        return JSONResponse(answer)


class _Stream(Response):
    """A streamed answer, before it is known what goes wrong with it."""

    def __init__(self, chat: ChatCall, reply: Reply) -> None:
        super().__init__()
        self._chat, self._reply = chat, reply

    def streaming(self, fault: Fault | None, call: Call) -> Response:
        """Return the response that streams."""
        kind = fault.kind if fault else ""
        reply = self._reply
        if kind in ("truncated", "error_finish"):
            reply = Reply(reply.text, finish_reason="length" if kind == "truncated" else "error")
        sent = chat_formats.frames(self._chat, reply)
        if kind == "no_finish":
            sent = [frame for frame in sent if "finishReason" not in frame]
        if kind == "malformed_frame":
            sent.insert(len(sent) // 2, 'data: {"text": "lo\n\n')
        if kind == "drop_midstream":
            sent = sent[: len(sent) // 2]

        async def body() -> AsyncIterator[bytes]:
            for frame in sent:
                yield frame.encode()
                await asyncio.sleep(0)
            if kind == "drop_midstream":
                raise _Dropped
            call.completed = kind not in ("no_finish", "malformed_frame", "error_finish")

        media = fault.value if fault and kind == "content_type" else "text/event-stream"
        return StreamingResponse(body(), headers={"content-type": media})


class _Dropped(Exception):
    """Lets uvicorn close the connection in the middle."""


def _misbehaving(response: Response, fault: Fault, call: Call) -> Response:
    """Return a whole answer with something wrong."""
    body = bytes(response.body)
    if fault.kind == "drop_midstream":

        async def half() -> AsyncIterator[bytes]:
            yield body[: len(body) // 2]
            raise _Dropped

        return StreamingResponse(half(), headers={"content-type": "application/json"})
    if fault.kind == "malformed_frame":
        return Response(body[:-2], media_type="application/json")
    if fault.kind in ("truncated", "error_finish", "no_finish") and isinstance(response, _Whole):
        call.completed = fault.kind == "truncated"
        return response.ended({"truncated": "length", "error_finish": "error", "no_finish": None}[fault.kind])
    call.completed = True
    if fault.kind == "content_type":
        return Response(body, headers={"content-type": fault.value})
    if fault.kind == "no_content_length":

        async def chunks() -> AsyncIterator[bytes]:
            yield body

        return StreamingResponse(chunks(), headers={"content-type": "application/json"})
    return response


def _faulty(fault: Fault, request_id: str) -> Response:
    headers = {**fault.headers, "opc-request-id": request_id}
    if fault.body is not None:
        media = "application/json" if fault.body.startswith("{") else "text/html"
        return Response(fault.body, fault.status, headers, media_type=media)
    codes = {401: "NotAuthenticated", 404: "NotAuthorizedOrNotFound", 429: "TooManyRequests"}
    code = codes.get(fault.status, "InternalServerError" if fault.status >= 500 else "InvalidParameter")
    return JSONResponse({"code": code, "message": "injected by the double"}, fault.status, headers)


def _error(status: int, code: str, message: str, request_id: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status, {"opc-request-id": request_id})


def _operation(path: str) -> str:
    last = path.rsplit("/", 1)[-1]
    return {"push": "put_logs", "metrics": "post_metric_data", "messages": "publish_message"}.get(last, last)
