"""The local OCI on OpenAI's APIs: `/openai/v1` of Generative AI, and deployments of Data Science.

What is known of the service: paths, headers, that a request is signed or carries an API key of the same region, that a
project replaces the compartment and the conversation store (README of oracle-samples/oci-openai), that Cohere's models
do not answer here, and the words with which a model of agents refuses chat completions (oracle/langchain-oracle#221).
Not known, and chosen here: the words of all other refusals, whether they come as OCI's `{"code", "message"}` or within
`{"error": …}`, and what a field that OpenAI does not know is answered with.
"""

from __future__ import annotations

import inspect
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.doubles.oci.answers import Answers, ChatCall, Reply
from tests.doubles.oci.delivery import EVENTS, Answer, Delivery, error_answer, fault_answer, json_answer
from tests.doubles.oci.faults import Fault, Faults
from tests.doubles.oci.managed import SEARCH, Managed
from tests.doubles.oci.records import Call, Records
from tests.doubles.oci.rules.models import SERVED, ServedModel
from tests.doubles.oci.signature import NotAuthenticated, Verifier

CHAT, RESPONSES = "/openai/v1/chat/completions", "/openai/v1/responses"
PREDICT, STREAMED = "/{ocid}/predict/v1/chat/completions", "/{ocid}/predictWithResponseStream/v1/chat/completions"

MULTI_AGENT = "Multi Agent requests are not allowed on chat completions"
_ELSEWHERE = frozenset({"COHERE", "COHEREV2", "EMBED", "RERANK"})
"""Formats of models that this API does not serve."""

_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_COMMON = {"model", "stream", "temperature", "tools", "tool_choice", "top_p", "parallel_tool_calls", "metadata"}
_FIELDS = {
    "chat": _COMMON | {"messages", "max_tokens", "max_completion_tokens", "response_format", "stop", "stream_options"},
    "responses": _COMMON | {"input", "instructions", "max_output_tokens", "store", "text"},
}
_FINISH = {"truncated": "length", "error_finish": "content_filter"}
_DEPLOYMENT = re.compile(r"ocid1\.datasciencemodeldeployment\.[a-z0-9.-]+")


@dataclass(frozen=True)
class OpenAISurface:
    """What the routes work with; see `LocalOCI`.

    Args:
        answer: what the models say.
        verifier: of signatures.
        faults: what shall go wrong.
        records: of the calls.
        api_keys: API keys of Generative AI of this region.
        compartments: that exist.
        projects: that exist.
        stores: conversation stores that exist.
        deployments: OCIDs of the model deployments that are active.
        served: what the models take, by id.
        notice: the headers of a model that is about to retire.
        managed: what the vector stores hold.
    """

    answer: Answers
    verifier: Verifier
    faults: Faults
    records: Records
    api_keys: frozenset[str] = frozenset()
    compartments: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    deployments: frozenset[str] = frozenset()
    served: Mapping[str, ServedModel] = field(default_factory=lambda: SERVED)
    notice: Callable[[str], dict[str, str]] = lambda _: {}
    managed: Managed = field(default_factory=Managed)

    def routes(self) -> list[Route]:
        """Return the routes."""
        served = {CHAT: self._chat, RESPONSES: self._responses, PREDICT: self._predict, STREAMED: self._predict}
        served[SEARCH] = self._search
        return [Route(path, self._let_in(serve), methods=["POST"]) for path, serve in served.items()]

    def _let_in(self, serve: Callable[[Call, Request], Answer | ChatCall]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body, request_id = await request.body(), uuid.uuid4().hex.upper()
            call = _call(request, body)
            refused = self._refusal(request, body)
            if refused:
                self.records.reject(call, refused)
                return Delivery(error_answer(401, "NotAuthenticated", refused), call, None, request_id)
            call.verified = True
            self.records.add(call)
            fault = self.faults.next(call.path)
            if fault is not None and fault.kind == "status":
                return Delivery(fault_answer(fault), call, fault, request_id)
            asked = serve(call, request)
            answer = asked if isinstance(asked, Answer) else await self._said(asked, call, fault)
            answer = replace(answer, headers=answer.headers | self.notice(call.model))
            return Delivery(answer, call, fault, request_id)

        return endpoint

    def _refusal(self, request: Request, body: bytes) -> str:
        """Return why a request is not let in, empty if it is: a key of this region, or a signature that fits."""
        said = request.headers.get("authorization", "")
        if said.startswith("Bearer "):
            known = said.removeprefix("Bearer ") in self.api_keys and "datascience" not in request.url.path
            return "" if known else "the API key is not valid in this region"
        try:
            self.verifier.check(request.method, request.scope["raw_path"].decode(), request.headers, body)
        except NotAuthenticated as error:
            return str(error)
        return ""

    def _chat(self, call: Call, request: Request) -> Answer | ChatCall:
        refused = self._checked(call, request, "chat")
        if refused:
            return refused
        if "chat" not in self.served[call.model].surfaces:
            return error_answer(400, "InvalidParameter", MULTI_AGENT)
        return _chat_call(call.body)

    def _responses(self, call: Call, request: Request) -> Answer | ChatCall:
        refused = self._checked(call, request, "responses")
        if refused:
            return refused
        store = request.headers.get("opc-conversation-store-id", "")
        if store and store not in self.stores:
            return error_answer(404, "NotAuthorizedOrNotFound", "conversation store not found")
        if call.body.get("store", True) and not (store or request.headers.get("openai-project")):
            return error_answer(400, "InvalidParameter", "a response that is stored needs a project")
        return _responses_call(call.body)

    def _predict(self, call: Call, request: Request) -> Answer | ChatCall:
        ocid, streamed = request.path_params["ocid"], "predictWithResponseStream" in request.url.path
        call.model = str(call.body.get("model") or "")
        if not _DEPLOYMENT.fullmatch(ocid) or ocid not in self.deployments:
            return error_answer(404, "NotAuthorizedOrNotFound", "Model deployment not found or authorization failed.")
        if streamed and not call.body.get("stream"):
            return error_answer(409, "ExternalServerIncorrectState", "Unexpected nonstreaming response detected")
        return _chat_call(call.body)

    def _search(self, call: Call, request: Request) -> Answer:
        return self._refused_place(request) or self.managed.search(call, request.path_params["id"])

    def _checked(self, call: Call, request: Request, surface: str) -> Answer | None:
        call.model = str(call.body.get("model") or "")
        unknown = sorted(set(call.body) - _FIELDS[surface])
        if unknown:
            return error_answer(400, "InvalidParameter", f"unknown field {unknown[0]!r}")
        return self._refused_place(request) or self._refused_model(call)

    def _refused_place(self, request: Request) -> Answer | None:
        signed = not request.headers.get("authorization", "").startswith("Bearer ")
        compartment, project = (request.headers.get(name, "") for name in ("opc-compartment-id", "openai-project"))
        if (compartment or (signed and not project)) and compartment not in self.compartments:
            return error_answer(404, "NotAuthorizedOrNotFound", "the compartment is not found, or not authorized")
        if project and project not in self.projects:
            return error_answer(404, "NotAuthorizedOrNotFound", "the project is not found, or not authorized")
        return None

    def _refused_model(self, call: Call) -> Answer | None:
        model = self.served.get(call.model)
        if model is None or model.retired or _ELSEWHERE.intersection(model.formats):
            return error_answer(404, "NotAuthorizedOrNotFound", f"no model {call.model!r} on this API")
        if any((call.body.get(name) or 0) > model.output for name in _LENGTHS):
            return error_answer(400, "InvalidParameter", f"the model answers with at most {model.output} tokens")
        return None

    async def _said(self, chat: ChatCall, call: Call, fault: Fault | None) -> Answer:
        call.prompt_chars = chat.chars
        said: Any = self.answer(chat)
        if inspect.isawaitable(said):
            said = await said
        reply = said if isinstance(said, Reply) else Reply(str(said))
        if fault is not None and fault.kind in _FINISH:
            reply = replace(reply, text=reply.text[: len(reply.text) // 2], finish_reason=_FINISH[fault.kind])
        call.answer_chars, call.answered = reply.chars, True
        ended = fault is None or fault.kind != "no_finish"
        if call.path == "responses":
            return _response(call.body, chat, reply, ended=ended)
        return _completion(call.body, chat, reply, ended=ended)


def _call(request: Request, body: bytes) -> Call:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = {}
    path = request.url.path
    name = "responses" if path == RESPONSES else "predict" if "predict" in path else path.rsplit("/", 1)[-1]
    return Call(name, parsed if isinstance(parsed, dict) else {}, dict(request.headers), target=path)


def _chat_call(body: Mapping[str, Any]) -> ChatCall:
    described = (body.get("response_format") or {}).get("json_schema") or {}
    said = tuple((message["role"].upper(), _text(message.get("content"))) for message in body["messages"])
    return _asked(body, said, described, body.get("max_tokens") or body.get("max_completion_tokens"))


def _responses_call(body: Mapping[str, Any]) -> ChatCall:
    described = (body.get("text") or {}).get("format") or {}
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    said = tuple((item["role"].upper(), _text(item.get("content"))) for item in items if "role" in item)
    return _asked(body, said, described, body.get("max_output_tokens"))


def _asked(
    body: Mapping[str, Any], said: tuple[tuple[str, str], ...], described: Mapping[str, Any], longest: int | None
) -> ChatCall:
    return ChatCall(
        model=body["model"],
        api_format="OPENAI",
        messages=said,
        schema=str(described.get("name") or ""),
        response_format={"schema": described["schema"]} if described.get("schema") else None,
        tools=tuple(body.get("tools") or ()),
        stream=bool(body.get("stream")),
        request={"temperature": body.get("temperature"), "maxTokens": longest, "topP": body.get("top_p")},
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return str(content or "")


def _usage(chat: ChatCall, reply: Reply) -> tuple[int, int]:
    return reply.usage or (-(-chat.chars // 4), -(-reply.chars // 4))


def _completion(body: Mapping[str, Any], chat: ChatCall, reply: Reply, *, ended: bool) -> Answer:
    asked, said = _usage(chat, reply)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": 1_764_000_000, "model": body["model"]}
    reason = (reply.finish_reason or "stop") if ended else None
    if not body.get("stream"):
        message = {"role": "assistant", "content": reply.text}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return json_answer({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    head["object"] = "chat.completion.chunk"
    deltas = [{"role": "assistant", "content": ""}, *({"content": part} for part in _parts(reply.text))]
    frames = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if ended:
        frames.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        wants = (body.get("stream_options") or {}).get("include_usage")
        frames += [{**head, "choices": [], "usage": usage}] if wants else []
    return Answer([*map(_frame, frames), *([b"data: [DONE]\n\n"] if ended else [])], media=EVENTS, whole=ended)


def _response(body: Mapping[str, Any], chat: ChatCall, reply: Reply, *, ended: bool) -> Answer:
    asked, said = _usage(chat, reply)
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reply.finish_reason or "")
    item = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": reply.text, "annotations": []}],
    }
    response = {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": 1_764_000_000,
        "model": body["model"],
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "error": None,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "store": bool(body.get("store")),
        "usage": {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + said,
        },
    }
    if not body.get("stream"):
        return json_answer(response)
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    empty = {**item, "status": "in_progress", "content": []}
    events.append({"type": "response.output_item.added", "output_index": 0, "item": empty})
    events += [{"type": "response.output_text.delta", "delta": part, **place} for part in _parts(reply.text)]
    if ended:
        events.append({"type": "response.incomplete" if reason else "response.completed", "response": response})
    frames = [_frame({**event, "sequence_number": n}) for n, event in enumerate(events)]
    return Answer(frames, media=EVENTS, whole=ended)


def _parts(text: str, pieces: int = 4) -> list[str]:
    size = max(-(-len(text) // pieces), 1)
    return [text[start : start + size] for start in range(0, len(text), size)]


def _frame(event: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
