"""What an OpenAI-compatible endpoint answered, in one form for chat completions and Responses, whole or streamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage

from gateway.provider_error import MOST_TOKENS, ProviderError, ProviderFailure
from gateway.replies.reply import request_id_in

_RETIREMENT = "model-retirement-info"

_MALFORMED_USAGE = ProviderFailure(
    "its answer is malformed: its token counts are no counts",
    transient=False,
    billed=True,
    hint="use another model or endpoint: what this one reports cannot be charged",
    kind="malformed",
)
_UNENDED = ProviderFailure("its answer ended before its end", transient=True, billed=True, hint="try again")
_CUT = {"max_output_tokens": "length", "max_tokens": "length"}
_ENDED = {"completed": "stop", "incomplete": "length"}


def whole_answer(answer: AIMessage, *, streamed: bool) -> AIMessage:
    """Return `answer` with its text as content, and with `finish_reason`, `request_id` and `retirement`.

    Args:
        answer: as langchain-openai made it.
        streamed: whether it came in pieces; then it needs an end, since a connection may end early without an error.

    Raises:
        ProviderError: a streamed answer has no end, or the token counts are below zero or beyond any prompt.
    """
    found = dict(answer.response_metadata)
    headers: Mapping[str, Any] = found.pop("headers", None) or {}
    reason = _finish_reason(answer, found)
    if streamed and not reason:
        raise ProviderError(_UNENDED)
    used = answer.usage_metadata
    if used and not all(0 <= count <= MOST_TOKENS for count in (used["input_tokens"], used["output_tokens"])):
        raise ProviderError(_MALFORMED_USAGE)
    kept = {"finish_reason": reason} if reason else {}
    named = {"request_id": request_id_in(headers), "retirement": str(headers.get(_RETIREMENT) or "")}
    metadata = {**found, **kept, **{name: value for name, value in named.items() if value}}
    # `AIMessage`, not a chunk of a stream: the memo holds messages.
    return AIMessage(
        content=answer.text,
        id=answer.id,
        response_metadata=metadata,
        usage_metadata=answer.usage_metadata,
        tool_calls=answer.tool_calls,
        invalid_tool_calls=answer.invalid_tool_calls,
        additional_kwargs=answer.additional_kwargs,
    )


def _finish_reason(answer: AIMessage, found: Mapping[str, Any]) -> str:
    """Return why the answer ended, in the words of chat completions. Responses has a status and its details."""
    if "status" not in found:
        return str(found.get("finish_reason") or "")
    if any(isinstance(block, dict) and block.get("type") == "refusal" for block in answer.content):
        return "refusal"
    reason = str((found.get("incomplete_details") or {}).get("reason") or "")
    return _CUT.get(reason, reason) or _ENDED.get(str(found["status"]), str(found["status"]))
