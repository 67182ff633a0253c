"""Chat requests and answers in OCI's three formats, whole and as frames of a stream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.doubles.oci.answers import ChatCall, Reply

DONE = "data: [DONE]\n\n"
_FINISH = {
    "COHERE": {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "COMPLETE", "error": "ERROR"},
    "COHEREV2": {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "error": "ERROR"},
    "GENERIC": {},
}


def read_call(body: dict[str, Any]) -> ChatCall:
    """Return the call that a request body makes. Raises `LookupError` or `TypeError` where it is none."""
    serving, request = body["servingMode"], body["chatRequest"]
    _FINISH[request["apiFormat"]]
    wanted = request.get("responseFormat") or {}
    return ChatCall(
        model=serving["endpointId"] if serving["servingType"] == "DEDICATED" else serving["modelId"],
        api_format=request["apiFormat"],
        messages=_cohere(request) if request["apiFormat"] == "COHERE" else _messages(request["messages"]),
        schema=(wanted.get("jsonSchema") or {}).get("name") or (wanted.get("schema") or {}).get("title") or "",
        response_format=wanted or None,
        tools=tuple(request.get("tools") or ()),
        stream=bool(request.get("isStream")),
        request=request,
    )


def _cohere(request: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    preamble = [("SYSTEM", request["preambleOverride"])] if request.get("preambleOverride") else []
    history = [(turn["role"], turn.get("message") or "") for turn in request.get("chatHistory") or ()]
    return (*preamble, *history, ("USER", request["message"]))


def _messages(messages: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (message["role"], "".join(part.get("text") or "" for part in message.get("content") or ()))
        for message in messages
    )


def whole_answer(call: ChatCall, reply: Reply, *, error: str = "", ended: bool = True) -> dict[str, Any]:
    """Return the body of an answer that is not streamed; `ended=False` leaves the finish reason out."""
    usage = _usage(call, reply)
    end = {"finishReason": _finish(call, reply)} if ended else {}
    if call.api_format == "COHERE":
        chat: dict[str, Any] = {"text": reply.text, **end, **_error(error), "chatHistory": _history(call, reply)}
        chat |= {"toolCalls": _cohere_calls(reply)} if reply.tool_calls else {}
    elif call.api_format == "COHEREV2":
        chat = {"id": "v2", "message": _message(call, reply), **end, **_error(error)}
    else:
        choice = {"index": 0, "message": _message(call, reply), **end}
        chat = {"timeCreated": "2026-11-23T00:00:00Z", "choices": [choice]}
    chat |= {"apiFormat": call.api_format} | ({"usage": usage} if usage else {})
    return {"modelId": call.model, "modelVersion": "1.0", "chatResponse": chat}


def frames(call: ChatCall, reply: Reply, *, error: str = "", ended: bool = True) -> list[str]:
    """Return what a stream sends; the last item is its end (finish event, usage, `[DONE]`), sent at once."""
    if call.api_format == "COHERE":
        events, tail = _cohere_events(call, reply, error)
    else:
        events, tail = _message_events(call, reply, error)
    sent = [_frame(event) for event in events]
    return [*sent, "".join(map(_frame, tail)) + (DONE if call.api_format == "GENERIC" else "")] if ended else sent


def _cohere_events(call: ChatCall, reply: Reply, error: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    events: list[dict[str, Any]] = [{"apiFormat": "COHERE", "text": part} for part in _parts(reply.text)]
    if reply.tool_calls:
        events.append({"apiFormat": "COHERE", "toolCalls": _cohere_calls(reply)})
    text = {} if error else {"text": reply.text}
    last = {"apiFormat": "COHERE", **text, "finishReason": _finish(call, reply), **_error(error)}
    usage = _streamed_usage(call, reply)
    return events, [last | ({"usage": usage} if usage else {})]


def _message_events(call: ChatCall, reply: Reply, error: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    events = [_delta({"reasoningContent": part}) for part in _parts(reply.reasoning)]
    events += [_delta({"content": [{"type": "TEXT", "text": part}]}) for part in _parts(reply.text)]
    events += [_delta({"toolCalls": [fragment]}) for fragment in _fragments(call, reply)]
    usage = _streamed_usage(call, reply)
    failed = _error(error) if call.api_format == "COHEREV2" else {}
    return events, [{"finishReason": _finish(call, reply), **failed}, *([{"usage": usage}] if usage else [])]


def _fragments(call: ChatCall, reply: Reply) -> list[dict[str, Any]]:
    """Return the fragments of tool calls: the name first, the arguments in two parts."""
    found = []
    for n, (name, given) in enumerate(reply.tool_calls):
        text = json.dumps(given, ensure_ascii=False)
        half = len(text) // 2
        found += [_call(call, n, name, ""), _call(call, n, "", text[:half]), _call(call, n, "", text[half:])]
    return found


def _parts(text: str, pieces: int = 4) -> list[str]:
    size = max(-(-len(text) // pieces), 1)
    return [text[start : start + size] for start in range(0, len(text), size)]


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "ASSISTANT", **message}, "pad": "aaaa"}


def _message(call: ChatCall, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": reply.text}]}
    if reply.reasoning:
        message["reasoningContent"] = reply.reasoning
    if reply.tool_calls:
        message["toolCalls"] = [
            _call(call, n, name, json.dumps(given, ensure_ascii=False))
            for n, (name, given) in enumerate(reply.tool_calls)
        ]
    return message


def _call(call: ChatCall, n: int, name: str, arguments: str) -> dict[str, Any]:
    function = {**({"name": name} if name else {}), "arguments": arguments}
    nested = {"function": function} if call.api_format == "COHEREV2" else function
    return {"id": f"call-{n}", "type": "FUNCTION", **nested}


def _cohere_calls(reply: Reply) -> list[dict[str, Any]]:
    return [{"name": name, "parameters": given} for name, given in reply.tool_calls]


def _history(call: ChatCall, reply: Reply) -> Sequence[dict[str, str]]:
    said = [{"role": role, "message": text} for role, text in call.messages if role in ("USER", "CHATBOT")]
    return [*said, {"role": "CHATBOT", "message": reply.text}]


def _finish(call: ChatCall, reply: Reply) -> str:
    reason = reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")
    return _FINISH[call.api_format].get(reason, reason)


def _usage(call: ChatCall, reply: Reply) -> dict[str, Any] | None:
    if not reply.reported:
        return None
    asked, said = reply.usage or (-(-call.chars // 4), -(-reply.chars // 4))
    return {"promptTokens": asked, "completionTokens": said, "totalTokens": asked + said}


def _streamed_usage(call: ChatCall, reply: Reply) -> dict[str, Any] | None:
    """Return the usage where the request wants it in its stream: else the service does not send it."""
    options = (call.request or {}).get("streamOptions") or {}
    return _usage(call, reply) if options.get("isIncludeUsage") else None


def _error(message: str) -> dict[str, str]:
    return {"errorMessage": message} if message else {}


def _frame(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
