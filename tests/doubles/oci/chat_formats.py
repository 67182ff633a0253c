"""Chat requests and answers in OCI's three formats, whole and as frames of a stream."""

from __future__ import annotations

import json
from typing import Any

from tests.doubles.oci.answers import ChatCall, Reply

_FINISH = {
    "COHERE": {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "COMPLETE", "error": "ERROR"},
    "COHEREV2": {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "error": "ERROR"},
    "GENERIC": {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "error": "error"},
}


def read_call(body: dict[str, Any]) -> ChatCall:
    """Return the call that a request body makes. Raises `LookupError` where it is none."""
    serving, request = body["servingMode"], body["chatRequest"]
    wanted = request.get("responseFormat") or {}
    return ChatCall(
        model=serving.get("modelId") or serving["endpointId"],
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


def usage_of(call: ChatCall, reply: Reply) -> dict[str, Any] | None:
    """Return the usage that the service reports."""
    if not reply.reported:
        return None
    asked, said = reply.usage or (-(-call.chars // 4), -(-reply.chars // 4))
    return {"promptTokens": asked, "completionTokens": said, "totalTokens": asked + said}


def finish_of(call: ChatCall, reply: Reply) -> str:
    """Return the finish reason in the format's own words."""
    reason = reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")
    return _FINISH[call.api_format].get(reason, reason)


def whole_answer(call: ChatCall, reply: Reply) -> dict[str, Any]:
    """Return the body of an answer that is not streamed."""
    finish, usage = finish_of(call, reply), usage_of(call, reply)
    if call.api_format == "COHERE":
        chat: dict[str, Any] = {"text": reply.text, "finishReason": finish, "chatHistory": []}
        if reply.tool_calls:
            chat["toolCalls"] = [{"name": name, "parameters": given} for name, given in reply.tool_calls]
    elif call.api_format == "COHEREV2":
        chat = {"id": "v2", "message": _message(reply), "finishReason": finish}
    else:
        chat = {
            "timeCreated": "2026-11-23T00:00:00Z",
            "choices": [{"index": 0, "message": _message(reply), "finishReason": finish}],
        }
    chat |= {"apiFormat": call.api_format} | ({"usage": usage} if usage else {})
    return {"modelId": call.model, "modelVersion": "1.0", "chatResponse": chat}


def frames(call: ChatCall, reply: Reply, *, pieces: int = 4) -> list[str]:
    """Return the frames of a streamed answer, the finish event among the last."""
    size = max(len(reply.text) // pieces, 1)
    parts = [reply.text[start : start + size] for start in range(0, len(reply.text), size)]
    finish, usage = finish_of(call, reply), usage_of(call, reply)
    if call.api_format == "COHERE":
        events: list[dict[str, Any]] = [{"apiFormat": "COHERE", "text": part} for part in parts]
        if reply.tool_calls:
            calls = [{"name": name, "parameters": given} for name, given in reply.tool_calls]
            events.append({"apiFormat": "COHERE", "toolCalls": calls})
        last = {"apiFormat": "COHERE", "text": reply.text, "finishReason": finish}
        return [_frame(event) for event in (*events, {**last, **({"usage": usage} if usage else {})})]
    events = [_delta({"content": [{"type": "TEXT", "text": part}]}) for part in parts]
    events += _call_deltas(reply)
    events.append({"finishReason": finish})
    if usage and (call.request or {}).get("streamOptions", {}).get("isIncludeUsage"):
        events.append({"usage": usage})
    return [*map(_frame, events), "data: [DONE]\n\n"]


def _call_deltas(reply: Reply) -> list[dict[str, Any]]:
    """Return the fragments of tool calls: the name first, the arguments in two parts."""
    found = []
    for n, (name, given) in enumerate(reply.tool_calls):
        text = json.dumps(given, ensure_ascii=False)
        half = len(text) // 2
        found.append(_delta({"toolCalls": [{"id": f"call-{n}", "type": "FUNCTION", "name": name, "arguments": ""}]}))
        found += [
            _delta({"toolCalls": [{"id": f"call-{n}", "type": "FUNCTION", "arguments": part}]})
            for part in (text[:half], text[half:])
        ]
    return found


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "ASSISTANT", **message}, "pad": "aaaa"}


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": reply.text}]}
    if reply.tool_calls:
        message["toolCalls"] = [
            {"id": f"call-{n}", "type": "FUNCTION", "name": name, "arguments": json.dumps(given, ensure_ascii=False)}
            for n, (name, given) in enumerate(reply.tool_calls)
        ]
    return message


def _frame(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
