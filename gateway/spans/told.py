"""What a call's span tells of messages and answers, in the words of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def answered(answer: AIMessage) -> dict[str, str | int]:
    """Return the provider's id of an answer, and the tokens that were cached or thought, where it tells them."""
    given = answer.response_metadata.get("id") or answer.id or ""
    # LangChain names an answer after its own run where the provider does not name it.
    told: dict[str, Any] = {"gen_ai.response.id": "" if str(given).startswith(("lc_run-", "run-")) else given}
    used = answer.usage_metadata
    if used:
        beside, within = used.get("input_token_details", {}), used.get("output_token_details", {})
        told["gen_ai.usage.cache_read.input_tokens"] = beside.get("cache_read")
        told["gen_ai.usage.cache_creation.input_tokens"] = beside.get("cache_creation")
        told["gen_ai.usage.reasoning.output_tokens"] = within.get("reasoning")
    return {name: value for name, value in told.items() if value is not None and value != ""}


def captured(messages: Sequence[BaseMessage], answer: AIMessage) -> dict[str, str]:
    """Return prompt and answer as JSON: messages of a role and parts. Only for spans whose owner asked for content."""
    finished = str(answer.response_metadata.get("finish_reason") or "")
    said = {**_message(answer), "finish_reason": finished}
    return {
        "gen_ai.input.messages": json.dumps([_message(each) for each in messages], ensure_ascii=False, default=str),
        "gen_ai.output.messages": json.dumps([said], ensure_ascii=False, default=str),
    }


def _message(message: BaseMessage) -> dict[str, Any]:
    if isinstance(message, ToolMessage):
        parts = [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.text}]
        return {"role": "tool", "parts": parts}
    parts = [{"type": "text", "content": message.text}] if message.text else []
    for call in getattr(message, "tool_calls", ()):
        parts.append({"type": "tool_call", "id": call["id"], "name": call["name"], "arguments": call["args"]})
    return {"role": _ROLES.get(message.type, message.type), "parts": parts}
