"""What the models of the local OCI say: scripted, extractive, or forwarded to a real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from state.prompt_fields import parse_fields
from state.roles import ROLE_SCHEMAS, WrittenDraft

_SCHEMAS = {schema.__name__: schema for schema in ROLE_SCHEMAS}
_OPENAI_ROLES = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant", "ASSISTANT": "assistant", "TOOL": "user"}


@dataclass(frozen=True)
class ChatCall:
    """A chat request as the model sees it.

    Args:
        model: id of the model, or of the dedicated endpoint.
        api_format: `COHERE`, `COHEREV2` or `GENERIC`.
        messages: (role, text), oldest first; COHERE's preamble is the first, its message the last.
        schema: name of the JSON schema that the answer has to fit, empty without one.
        response_format: as it was sent.
        tools: as they were sent.
        stream: whether the answer is to be streamed.
        request: the whole `chatRequest`.
    """

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
        """The characters of the prompt, with the schema that is sent beside the messages."""
        wanted = self.response_format or {}
        schema = (wanted.get("jsonSchema") or wanted).get("schema")
        return sum(len(text) for _, text in self.messages) + (len(json.dumps(schema)) if schema else 0)


@dataclass(frozen=True)
class Reply:
    """A model's answer.

    Args:
        text: what it says.
        tool_calls: (name, arguments).
        finish_reason: `stop`, `length`, `tool_calls` or `error` in the format's own words, anything else as it is.
        usage: (prompt tokens, completion tokens); a quarter of the characters where `None`.
        reasoning: what it thought (GENERIC).
        reported: whether usage is reported at all.
    """

    text: str = ""
    tool_calls: Sequence[tuple[str, dict[str, Any]]] = ()
    finish_reason: str | None = None
    usage: tuple[int, int] | None = None
    reasoning: str = ""
    reported: bool = True

    @property
    def chars(self) -> int:
        """The characters of the answer, arguments of tool calls included."""
        calls = sum(len(json.dumps(arguments, ensure_ascii=False)) for _, arguments in self.tool_calls)
        return len(self.text) + calls


Answers = Callable[[ChatCall], Awaitable[Reply | str] | Reply | str]


@cache
def local_embeddings() -> Embeddings:
    """Return the encoder of this repository, loaded once."""
    from retrieval import load_embeddings
    from settings import load_settings

    return load_embeddings(load_settings(models={"provider": "extractive"}))


class _Untraced(Embeddings):
    """The same vectors without spans: what the double does is none of the program's under test."""

    def __init__(self, embeddings: Embeddings | None) -> None:
        self._embeddings = embeddings

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return (self._embeddings or local_embeddings()).embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.embed_documents, texts)


def extractive_answers(embeddings: Embeddings | None = None) -> Answers:
    """Answer prompts of roles like the extractive model, with the local encoder unless `embeddings` are given."""
    from gateway import ExtractiveChatModel

    model = ExtractiveChatModel(embeddings=_Untraced(embeddings))

    async def answer(call: ChatCall) -> Reply:
        messages = [_message(role, text) for role, text in call.messages]
        schema = _SCHEMAS.get(wanted_schema(call))
        if schema is None:
            return Reply((await model.ainvoke(messages)).text)
        found: Any = await model.with_structured_output(schema).ainvoke(messages)
        as_text = schema is WrittenDraft and _asks_in_text(call)
        return Reply(found.markdown if as_text else found.model_dump_json())

    return answer


def wanted_schema(call: ChatCall) -> str:
    """Return the name of the schema that a call asks for; the draft is asked for as plain text, by its fields."""
    return call.schema or spelled_schema(call) or (WrittenDraft.__name__ if _asks_for_draft(call) else "")


def _asks_in_text(call: ChatCall) -> bool:
    return not (call.schema or spelled_schema(call))


def _asks_for_draft(call: ChatCall) -> bool:
    asked = next((text for role, text in call.messages if role == "USER"), "")
    try:
        fields, _ = parse_fields(asked)
    except ValueError:
        return False
    return {"question", "findings", "gaps", "form"} <= fields.keys()


def spelled_schema(call: ChatCall) -> str:
    """Return the title of the JSON schema that a system prompt spells out in a line of its own."""
    for line in (line for role, text in call.messages if role == "SYSTEM" for line in text.splitlines()):
        if line.startswith("{"):
            try:
                return str(json.loads(line).get("title") or "")
            except ValueError:
                continue
    return ""


def forwarded_answers(base_url: str, model: str = "local") -> Answers:
    """Answer with the OpenAI-compatible server at `base_url`."""

    async def answer(call: ChatCall) -> Reply:
        async with httpx.AsyncClient(timeout=120) as client:
            sent = await client.post(f"{base_url.rstrip('/')}/chat/completions", json=_openai_request(call, model))
        answered = sent.raise_for_status().json()
        choice, usage = answered["choices"][0], answered.get("usage")
        return Reply(
            choice["message"].get("content") or "",
            tool_calls=[_openai_call(each["function"]) for each in choice["message"].get("tool_calls") or ()],
            finish_reason=choice.get("finish_reason"),
            usage=(usage["prompt_tokens"], usage["completion_tokens"]) if usage else None,
        )

    return answer


def _openai_request(call: ChatCall, model: str) -> dict[str, Any]:
    request, wanted = call.request or {}, call.response_format or {}
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": _OPENAI_ROLES[role], "content": text} for role, text in call.messages],
    }
    body |= {ours: request[name] for name, ours in _OPTIONS.items() if request.get(name) is not None}
    schema = (wanted.get("jsonSchema") or wanted).get("schema")
    if schema:
        described = {"name": call.schema or "Answer", "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    if call.tools and call.api_format == "GENERIC":
        names = ("name", "description", "parameters")
        functions = [{name: tool[name] for name in names if name in tool} for tool in call.tools]
        body["tools"] = [{"type": "function", "function": function} for function in functions]
    return body


_OPTIONS = {"temperature": "temperature", "maxTokens": "max_tokens", "topP": "top_p"}


def _openai_call(function: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return function["name"], json.loads(function["arguments"] or "{}")


def _message(role: str, text: str) -> BaseMessage:
    if role == "SYSTEM":
        return SystemMessage(text)
    return AIMessage(text) if role in ("CHATBOT", "ASSISTANT") else HumanMessage(text)
