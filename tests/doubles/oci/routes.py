"""The routes: each checks who asks, records it, answers, and lets go wrong what shall."""

from __future__ import annotations

import asyncio
import inspect
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
from google.protobuf.message import DecodeError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.doubles.oci import chat_formats, hosting, managed, management, services, storage, telemetry
from tests.doubles.oci.answers import Answers, Reply
from tests.doubles.oci.delivery import Answer, Delivery, chat_answer, error_answer, fault_answer, json_answer
from tests.doubles.oci.faults import Fault, Faults
from tests.doubles.oci.openai_surface import OpenAISurface
from tests.doubles.oci.records import Call, Records, Remembered
from tests.doubles.oci.rules import limits
from tests.doubles.oci.rules.models import SERVED
from tests.doubles.oci.signature import NotAuthenticated, Verifier

TRACES = "/20200101/opentelemetry/private/v1/traces"
_NAMES = {"push": "put_logs", "metrics": "post_metric_data", "messages": "publish_message"}

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
RETRY_TOKEN = "opc-retry-token"

Serve = Callable[[Call, Fault | None], Awaitable[Answer]]


@dataclass(frozen=True)
class Plane:
    """What the routes work with; see `LocalOCI`."""

    answer: Answers
    embed: services.Embed
    unsafe: tuple[str, ...]
    data_key: str
    delay: float
    verifier: Verifier
    faults: Faults
    records: Records
    openai: OpenAISurface
    buckets: storage.Buckets = field(default_factory=dict)
    tenancy: management.Tenancy = field(default_factory=management.Tenancy)
    managed: managed.Managed = field(default_factory=managed.Managed)
    hosting: hosting.Hosting = field(default_factory=hosting.Hosting)
    served: limits.Served = field(default_factory=lambda: SERVED)
    compartments: frozenset[str] = frozenset()

    def app(self) -> Starlette:
        """Return the application."""
        actions: dict[str, Serve] = {
            "/20231130/actions/chat": self._chat,
            "/20231130/actions/embedText": self._embed_text,
            "/20231130/actions/rerankText": self._rerank_text,
            "/20231130/actions/applyGuardrails": self._apply_guardrails,
            "/20200831/logs/{id}/actions/push": self._put_logs,
            "/20180401/metrics": self._post_metric_data,
            "/20181201/topics/{id}/messages": self._publish_message,
            "/v1/actions/generateScopedAccessToken": self._database_token,
            managed.CHAT: self._agent_chat,
        }
        routes = [Route(path, self._signed(serve), methods=["POST"]) for path, serve in actions.items()]
        listed = self._signed(self._guardrail_versions)
        routes.append(Route("/20231130/guardrailVersions", listed, methods=["GET"]))
        models = self._signed(self._tenancy_models)
        routes += [Route(path, models, methods=["GET"]) for path in (management.MODELS, management.DISCOVERY)]
        stored = self._signed(self._object_storage)
        routes += [Route(path, stored, methods=["GET"]) for path in (storage.LIST, storage.GET)]
        hosted = self._signed(self._hosted)
        routes += [Route(path, hosted, methods=_METHODS) for path in hosting.ROUTES]
        routes += [Route(path, hosted, methods=["GET"]) for path in hosting.SIGNED_INVOKE]
        routes += [Route(path, self._invoked, methods=["GET"]) for path in hosting.OPEN_INVOKE]
        routes.append(Route(TRACES, self._traces, methods=["POST"]))
        routes.append(Route("/_double/calls", self._counts, methods=["GET"]))
        routes += self.openai.routes()
        routes.append(Route("/{rest:path}", self._signed(self._nothing), methods=_METHODS))
        return Starlette(routes=routes, middleware=[Middleware(_OriginForm)])

    def _signed(self, serve: Serve) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body, request_id = await request.body(), _request_id(request)
            call = _call(request, body)
            try:
                self.verifier.check(request.method, _target(request), request.headers, body)
            except NotAuthenticated as error:
                self.records.reject(call, str(error))
                return Delivery(error_answer(401, "NotAuthenticated", str(error)), call, None, request_id)
            call.verified = True
            self.records.add(call)
            fault = self.faults.next(call.path)
            return Delivery(await self._once(serve, call, fault, body), call, fault, request_id)

        return endpoint

    async def _once(self, serve: Serve, call: Call, fault: Fault | None, body: bytes) -> Answer:
        """Return the answer; to a request that comes again with its retry token, the answer that it had."""
        token = call.headers.get(RETRY_TOKEN)
        if token is None:
            return await self._answered(serve, call, fault)
        known = self.records.answered.get(token)
        if known is not None and known.body != body:
            return error_answer(409, "InvalidatedRetryToken", "The retry token was used for another request.")
        if known is not None:
            return known.answer
        answer = await self._answered(serve, call, fault)
        if answer.status < 400:
            self.records.answered[token] = Remembered(body, answer)
        return answer

    async def _answered(self, serve: Serve, call: Call, fault: Fault | None) -> Answer:
        if fault is not None and fault.kind == "status":
            return fault_answer(fault)
        try:
            answer = await serve(call, fault)
        except limits.Refused as error:
            return error_answer(error.status, error.code, error.message)
        except (LookupError, TypeError, AttributeError) as error:
            return error_answer(400, "InvalidParameter", f"missing or wrong: {error}")
        except httpx.HTTPError as error:
            return error_answer(502, "BadGateway", f"nobody to forward to: {type(error).__name__}")
        return replace(answer, headers=answer.headers | self.tenancy.notice(call.model))

    async def _chat(self, call: Call, fault: Fault | None) -> Answer:
        limits.check_chat(call.body, self.served, self.compartments)
        chat = chat_formats.read_call(call.body)
        limits.check_chat(call.body, self.served, self.compartments, chat.chars)
        call.model, call.prompt_chars = chat.model, chat.chars
        await asyncio.sleep(self.delay)
        said: Any = self.answer(chat)
        if inspect.isawaitable(said):
            said = await said
        reply = said if isinstance(said, Reply) else Reply(str(said))
        if fault is not None and fault.kind in ("truncated", "error_finish"):
            reason = "length" if fault.kind == "truncated" else "error"
            reply = replace(reply, text=reply.text[: len(reply.text) // 2], tool_calls=(), finish_reason=reason)
        call.answer_chars, call.answered = reply.chars, True
        return chat_answer(chat, reply, fault)

    async def _embed_text(self, call: Call, _: Fault | None) -> Answer:
        limits.check_embed(call.body, self.served, self.compartments)
        call.model = call.body["servingMode"].get("modelId") or ""
        call.prompt_chars = sum(map(len, call.body["inputs"]))
        return json_answer(await asyncio.to_thread(services.embed_answer, call.body, self.embed))

    async def _rerank_text(self, call: Call, _: Fault | None) -> Answer:
        limits.check_rerank(call.body, self.served, self.compartments)
        call.model = call.body["servingMode"].get("modelId") or ""
        return json_answer(services.rerank_answer(call.body))

    async def _apply_guardrails(self, call: Call, _: Fault | None) -> Answer:
        limits.check_guardrails(call.body, self.compartments)
        return json_answer(services.guardrails_answer(call.body, self.unsafe))

    async def _guardrail_versions(self, call: Call, _: Fault | None) -> Answer:
        named = parse_qs(urlsplit(call.target).query).get("compartmentId", [None])[0]
        limits.check_compartment(named, self.compartments)
        return json_answer({"items": [{"guardrailVersion": version} for version in limits.GUARDRAIL_VERSIONS]})

    async def _tenancy_models(self, call: Call, _: Fault | None) -> Answer:
        return self.tenancy.listed(call.target)

    async def _object_storage(self, call: Call, _: Fault | None) -> Answer:
        return storage.storage_answer(self.buckets, call.target)

    async def _agent_chat(self, call: Call, _: Fault | None) -> Answer:
        return self.managed.chat(call, call.target.split("/")[3])

    async def _put_logs(self, call: Call, _: Fault | None) -> Answer:
        self.records.keep("log_entries", telemetry.log_entries(call.body))
        return Answer()

    async def _post_metric_data(self, call: Call, _: Fault | None) -> Answer:
        data = call.body["metricData"]
        if telemetry.too_many_streams(data):
            return error_answer(400, "InvalidParameter", "more than 50 unique metric streams")
        accepted, failed = telemetry.sorted_metrics(data)
        self.records.keep("metrics", accepted)
        return json_answer({"failedMetricsCount": len(failed), "failedMetrics": failed})

    async def _database_token(self, call: Call, _: Fault | None) -> Answer:
        try:
            return json_answer(services.token_answer(call.body))
        except (LookupError, ValueError) as error:
            return error_answer(400, "InvalidParameter", str(error))

    async def _publish_message(self, call: Call, _: Fault | None) -> Answer:
        self.records.keep("messages", [call.body])
        return json_answer({"messageId": uuid.uuid4().hex, "timeStamp": datetime.now(UTC).isoformat()}, 202)

    async def _hosted(self, call: Call, _: Fault | None) -> Answer:
        return self.hosting.answer(call)

    async def _invoked(self, request: Request) -> Response:
        call = _call(request, b"")
        call.verified = True
        self.records.add(call)
        return Delivery(self.hosting.answer(call), call, None, _request_id(request))

    async def _nothing(self, _: Call, __: Fault | None) -> Answer:
        return error_answer(404, "NotAuthorizedOrNotFound", "no such resource")

    async def _traces(self, request: Request) -> Response:
        body, request_id = await request.body(), _request_id(request)
        call = Call("traces", {}, dict(request.headers))
        if self.data_key and request.headers.get("authorization") != f"dataKey {self.data_key}":
            self.records.reject(call, "wrong data key")
            return Delivery(error_answer(401, "NotAuthenticated", "wrong data key"), call, None, request_id)
        call.verified = True
        self.records.add(call)
        fault = self.faults.next("traces")
        if fault is not None and fault.kind == "status":
            return Delivery(fault_answer(fault), call, fault, request_id)
        try:
            self.records.keep("spans", telemetry.decoded_spans(body, request.headers.get("content-encoding", "")))
        except (DecodeError, OSError) as error:
            return Delivery(error_answer(400, "InvalidParameter", str(error)), call, fault, request_id)
        return Delivery(Answer(media="application/x-protobuf"), call, fault, request_id)

    async def _counts(self, _: Request) -> Response:
        return JSONResponse(self.records.counts())


class _OriginForm:
    """Serves requests that a client sends to a proxy (`POST http://host/path`) as if they were for this server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path", b"")
        if raw.startswith(b"http://"):
            raw = b"/" + raw.removeprefix(b"http://").partition(b"/")[2]
            scope = {**scope, "raw_path": raw, "path": unquote(raw.decode("ascii"))}
        await self._app(scope, receive, send)


def _call(request: Request, body: bytes) -> Call:
    last = request.url.path.rsplit("/", 1)[-1]
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = {}
    body_given = parsed if isinstance(parsed, dict) else {}
    target = _target(request)
    named = hosting.operation(request.method, target) or _NAMES.get(last, last)
    if "/agentEndpoints/" in request.url.path:
        named = "agent_chat"
    return Call(named, body_given, dict(request.headers), target=target, method=request.method)


def _request_id(request: Request) -> str:
    return request.headers.get("opc-request-id") or uuid.uuid4().hex.upper()


def _target(request: Request) -> str:
    """Return path and query as they were sent, percent-encoding included."""
    path = request.scope["raw_path"].decode("ascii")
    query = request.scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else path
