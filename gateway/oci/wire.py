"""Reads OCI's chat formats (COHERE, COHEREV2, GENERIC) into LangChain's messages.

Answers and streams share these functions. langchain-oci 0.4.0 has four readers, each of which loses something else:
finish reason, request id or error events. Tool calls are read only from the field in which the service puts them, never
from the model's text: retrieved text that the model repeats could otherwise become a tool call.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import ToolCall, invalid_tool_call

from gateway.provider_error import FILTERED, FILTERED_FAILURE, ProviderError, ProviderFailure

_FINISHED = {
    "complete": "stop",
    "stop": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "tool_call": "tool_calls",
    "tool_calls": "tool_calls",
    "max_tokens": "length",
    "length": "length",
}
_LIMIT = frozenset({"error_limit"})
_PROXY = "check SIXPLANE_OCI__ENDPOINT and the proxy in between: something other than OCI answered"


def finish_reason(raw: Any) -> str:
    """Return `stop`, `length` or `tool_calls`.

    Raises:
        ProviderError: the answer ended in an error, or has no finish reason and so may be incomplete.
    """
    said = str(raw or "").lower()
    if said in _FINISHED:
        return _FINISHED[said]
    if said in FILTERED:
        raise ProviderError(FILTERED_FAILURE)
    if said in _LIMIT:
        hint = "retrieve fewer passages with `-k`, or choose a model with a larger context"
        raise ProviderError(ProviderFailure("the prompt exceeds its context", transient=False, billed=True, hint=hint))
    what = f"it ended with {said!r}" if said else "its answer has no finish reason"
    raise ProviderError(ProviderFailure(what, transient=True, billed=True, hint="try again"))


def answer_of(data: Any, headers: Mapping[str, str], *, tools_bound: bool) -> AIMessage:
    """Return the message in the answer to a chat request.

    Args:
        data: the decoded body.
        headers: the response headers, with lower-case names.
        tools_bound: whether the request offered tools; if not, tool calls are ignored.

    Raises:
        ProviderError: it is not a chat answer, or it ended in an error.
    """
    chat = data.get("chatResponse") if isinstance(data, Mapping) else None
    if not isinstance(chat, Mapping):
        raise ProviderError(
            ProviderFailure("its answer is not a chat answer", transient=False, billed=True, hint=_PROXY)
        )
    choice = _choice(chat)
    reason = finish_reason(choice.get("finishReason"))
    said = text_of(choice)
    calls, broken = tool_calls_of(choice) if tools_bound else ([], [])
    reasoning = (choice.get("message") or {}).get("reasoningContent")
    return AIMessage(
        content=said,
        tool_calls=calls,
        invalid_tool_calls=broken,
        usage_metadata=usage_of(chat.get("usage") or choice.get("usage")),
        additional_kwargs={"reasoning_content": reasoning} if reasoning else {},
        response_metadata=metadata(data, headers, reason, len(said) + sum(map(_arguments_chars, calls))),
    )


def metadata(data: Mapping[str, Any], headers: Mapping[str, str], reason: str, output_chars: int) -> dict[str, Any]:
    """Return the metadata of an answer; `output_chars` is the length before a stop sequence cut it."""
    found = {
        "finish_reason": reason,
        "model_name": data.get("modelId"),
        "model_version": data.get("modelVersion"),
        "request_id": headers.get("opc-request-id"),
        "retirement": headers.get("model-retirement-info"),
        "output_chars": output_chars,
    }
    return {name: value for name, value in found.items() if value is not None}


def text_of(event: Mapping[str, Any]) -> str:
    """Return the text of a GENERIC choice, a COHERE answer, or an event of a stream in either format."""
    if isinstance(event.get("text"), str):
        return str(event["text"])
    content = (event.get("message") or {}).get("content")
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content or () if isinstance(part, Mapping))


def tool_calls_of(choice: Mapping[str, Any]) -> tuple[list[ToolCall], list[Any]]:
    """Return the valid tool calls, and the calls with arguments that are not a JSON object."""
    raw = choice.get("toolCalls") or (choice.get("message") or {}).get("toolCalls") or ()
    calls, broken = [], []
    for each in raw:
        call = {**each, **(each.get("function") or {})}  # COHEREV2 nests name and arguments
        name, identifier = str(call.get("name") or ""), str(call.get("id") or uuid.uuid4().hex)
        arguments = call.get("arguments", call.get("parameters", {}))
        parsed = _parsed(arguments)
        if parsed is None:
            broken.append(invalid_tool_call(name=name, args=str(arguments), id=identifier, error="not a JSON object"))
        else:
            calls.append(ToolCall(name=name, args=parsed, id=identifier))
    return calls, broken


def usage_of(usage: Any) -> UsageMetadata | None:
    """Return the reported usage, `None` if the service reported none."""
    if not isinstance(usage, Mapping):
        return None
    asked, said = (max(int(usage.get(name) or 0), 0) for name in ("promptTokens", "completionTokens"))
    found = UsageMetadata(input_tokens=asked, output_tokens=said, total_tokens=int(usage.get("totalTokens") or 0))
    found["total_tokens"] = found["total_tokens"] or asked + said
    cached = (usage.get("promptTokensDetails") or {}).get("cachedTokens")
    reasoned = (usage.get("completionTokensDetails") or {}).get("reasoningTokens")
    if cached:
        found["input_token_details"] = InputTokenDetails(cache_read=int(cached))
    if reasoned:
        found["output_token_details"] = OutputTokenDetails(reasoning=int(reasoned))
    return found


def _choice(chat: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = chat.get("choices")
    return choices[0] if choices else chat


def _parsed(arguments: Any) -> dict[str, Any] | None:
    for _ in range(2):  # some models encode the object twice
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments or "{}")
            except ValueError:
                return None
    return arguments if isinstance(arguments, dict) else None


def _arguments_chars(call: ToolCall) -> int:
    return len(json.dumps(call["args"], ensure_ascii=False))
