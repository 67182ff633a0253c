"""Reads OCI's chat formats (COHERE, COHEREV2, GENERIC) into LangChain's messages.

Answers and streams share these functions. langchain-oci 0.4.0 has four readers, each of which loses something else:
finish reason, request id or error events. Tool calls are read only from the field in which the service puts them, never
from the model's text: retrieved text that the model repeats could otherwise become a tool call.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import ToolCall, invalid_tool_call

from gateway.oci.answers import ChatAnswer, UsageBlock, WireToolCall, check, read
from gateway.provider_error import CUT_FAILURE, FILTERED, FILTERED_FAILURE, ProviderError, answered_failure

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


def finish_reason(raw: str | None, error: str | None = None) -> str:
    """Return `stop`, `length` or `tool_calls`.

    Args:
        raw: as the service spells it.
        error: the message beside it.

    Raises:
        ProviderError: the answer ended in an error, or has no finish reason and so may be incomplete.
    """
    said, body = (raw or "").lower(), {"code": raw, "message": error}
    if said in _FINISHED:
        return _FINISHED[said]
    if said in FILTERED:
        raise ProviderError(FILTERED_FAILURE, body)
    if said in _LIMIT:
        raise ProviderError(CUT_FAILURE, body)
    what = f"it ended with {said[:40]!r}" if said else "its answer has no finish reason"
    raise ProviderError(answered_failure(what, said, error or "", transient=True), body)


def answer_of(data: Any, headers: Mapping[str, str], *, tools_bound: bool) -> AIMessage:
    """Return the message in the answer to a chat request.

    Args:
        data: the decoded body.
        headers: the response headers, with lower-case names.
        tools_bound: whether the request offered tools; if not, tool calls are ignored.

    Raises:
        ProviderError: it is not a chat answer, or it ended in an error.
    """
    answer = read(ChatAnswer, data)
    chat = answer.chat_response
    check(bool(chat.choices or chat.text or chat.message or chat.finish_reason), "`chatResponse` holds no answer")
    choice = chat.choices[0] if chat.choices else chat
    reason = finish_reason(choice.finish_reason, choice.error_message)
    calls, broken = tool_calls_of(choice.calls) if tools_bound else ([], [])
    chars = len(choice.said) + sum(map(_arguments_chars, calls))
    return AIMessage(
        content=choice.said,
        tool_calls=calls,
        invalid_tool_calls=broken,
        usage_metadata=usage_of(chat.usage or choice.usage),
        additional_kwargs={"reasoning_content": choice.reasoning} if choice.reasoning else {},
        response_metadata=metadata(answer.model_id, headers, reason, chars, version=answer.model_version),
    )


def metadata(
    model: str | None, headers: Mapping[str, str], reason: str, output_chars: int, *, version: str | None = None
) -> dict[str, Any]:
    """Return the metadata of an answer; `output_chars` is the length before a stop sequence cut it."""
    found = {
        "finish_reason": reason,
        "model_name": model,
        "model_version": version,
        "request_id": headers.get("opc-request-id"),
        "output_chars": output_chars,
    }
    return {name: value for name, value in found.items() if value is not None}


def tool_calls_of(raw: Iterable[WireToolCall]) -> tuple[list[ToolCall], list[Any]]:
    """Return the valid tool calls, and the calls without a name or with arguments that are not a JSON object."""
    calls, broken = [], []
    for each in raw:
        call = each.function or each  # COHEREV2 nests name and arguments
        name, identifier = call.name or "", each.id or uuid.uuid4().hex
        arguments = each.parameters if call.arguments is None else call.arguments
        parsed = _parsed({} if arguments is None else arguments)
        if parsed is None or not name:
            error = "not a JSON object" if name else "no name"
            broken.append(invalid_tool_call(name=name, args=_text(arguments), id=identifier, error=error))
        else:
            calls.append(ToolCall(name=name, args=parsed, id=identifier))
    return calls, broken


def usage_of(usage: UsageBlock | None) -> UsageMetadata | None:
    """Return the reported usage, `None` if the service reported none."""
    if usage is None:
        return None
    asked, said = usage.prompt_tokens or 0, usage.completion_tokens or 0
    found = UsageMetadata(input_tokens=asked, output_tokens=said, total_tokens=usage.total_tokens or asked + said)
    cached = usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens
    reasoned = usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens
    if cached:
        found["input_token_details"] = InputTokenDetails(cache_read=cached)
    if reasoned:
        found["output_token_details"] = OutputTokenDetails(reasoning=reasoned)
    return found


def _parsed(arguments: Any) -> dict[str, Any] | None:
    for _ in range(2):  # some models encode the object twice
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments or "{}")
            except (ValueError, RecursionError):
                return None
    return arguments if isinstance(arguments, dict) else None


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _arguments_chars(call: ToolCall) -> int:
    return len(json.dumps(call["args"], ensure_ascii=False))
