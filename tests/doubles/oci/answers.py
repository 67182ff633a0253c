"""What the models of the local OCI say: scripted, extractive, or forwarded to a real one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from state.roles import ROLE_SCHEMAS


@dataclass(frozen=True)
class ChatCall:
    """A chat request as the model sees it. `schema` is the name of the JSON schema that the answer has to fit."""

    model: str
    api_format: str
    messages: tuple[tuple[str, str], ...]
    schema: str = ""
    response_format: dict[str, Any] | None = None
    tools: tuple[dict[str, Any], ...] = ()
    stream: bool = False
    request: dict[str, Any] | None = None

    @property
    def chars(self) -> int:
        """The characters of the prompt."""
        return sum(len(text) for _, text in self.messages)


@dataclass(frozen=True)
class Reply:
    """A model's answer. `tool_calls` are (name, arguments)."""

    text: str = ""
    tool_calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    finish_reason: str | None = None
    usage: tuple[int, int] | None = None
    reported: bool = True

    @property
    def chars(self) -> int:
        """The characters of the answer, arguments of tool calls included."""
        calls = sum(len(json.dumps(arguments, ensure_ascii=False)) for _, arguments in self.tool_calls)
        return len(self.text) + calls


Answers = Callable[[ChatCall], Awaitable[Reply] | Reply | str]


def extractive_answers(embeddings: Any) -> Answers:
    """Answer role prompts like the extractive model."""
    from gateway import ExtractiveChatModel

    model = ExtractiveChatModel(embeddings=embeddings)
    schemas = {schema.__name__: schema for schema in ROLE_SCHEMAS}

    async def answer(call: ChatCall) -> Reply:
        messages = [_message(role, text) for role, text in call.messages]
        schema = schemas.get(call.schema)
        if schema is None:
            return Reply((await model.ainvoke(messages)).text)
        found = await model.with_structured_output(schema).ainvoke(messages)
        return Reply(found.model_dump_json())

    return answer


def forwarded_answers(base_url: str, model: str = "local") -> Answers:
    """Answer with an OpenAI-compatible server."""

    async def answer(call: ChatCall) -> Reply:
        roles = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant", "ASSISTANT": "assistant", "TOOL": "tool"}
        messages = [{"role": roles[role], "content": text} for role, text in call.messages]
        body: dict[str, Any] = {"model": model, "messages": messages}
        if call.response_format:
            body["response_format"] = {"type": "json_object"}
        async with httpx.AsyncClient(timeout=120) as client:
            answered = (await client.post(f"{base_url}/chat/completions", json=body)).raise_for_status().json()
        choice = answered["choices"][0]
        return Reply(choice["message"]["content"] or "", finish_reason=choice.get("finish_reason"))

    return answer


def _message(role: str, text: str) -> BaseMessage:
    if role == "SYSTEM":
        return SystemMessage(text)
    return AIMessage(text) if role in ("CHATBOT", "ASSISTANT") else HumanMessage(text)
