"""`POST /v1/responses`: OpenAI's responses, whole or streamed. Nothing is stored under a response's id."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sse_starlette import ServerSentEvent

from experience.http.callers import AtDesk, Caller
from experience.http.events import sent
from experience.http.leaving import unless_left
from experience.http.openai.answering import answer_of
from experience.http.openai.answers import Answer
from experience.http.openai.conversation import Conversation, Message, Part, Text
from experience.http.openai.requests import (
    MAX_TOKENS,
    MODEL,
    Metadata,
    Ours,
    ResponseFormat,
    Temperature,
    Tokens,
    Tools,
    refusing,
    research_of,
    thread_of,
)
from experience.http.problems import openai_problem, problem_of
from experience.service import ResearchRequest

router = APIRouter()

STATELESS = "responses are not stored: send the conversation as `input`, or name a thread in `thread_id`"

Stored = Annotated[None, refusing(STATELESS)]


class Item(BaseModel):
    """An item of the input. Only messages are read; calls of tools and their outputs are accepted and not followed."""

    model_config = ConfigDict(extra="ignore")

    type: str | None = Field(None, max_length=64)
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: Text | list[Part] | None = None

    def message(self) -> Message:
        """Return the item as a message of a chat."""
        if self.type not in (None, "message") or self.role is None:
            return Message(role="tool")
        return Message(role=self.role, content=self.content)


class TextOptions(BaseModel):
    """How the text is written. Only plain text is supported."""

    model_config = ConfigDict(extra="ignore")

    format: ResponseFormat | None = None


_ASKS: dict[str, Any] = {"contains": {"properties": {"role": {"const": "user"}}, "required": ["role"]}}


class ResponseRequest(Ours):
    """A request for a response. `instructions` are accepted and not followed, as are messages of the system."""

    model: str = Field(MODEL, max_length=128)
    input: Text | Annotated[list[Item], Field(min_length=1, json_schema_extra=_ASKS)]
    instructions: Text | None = None
    stream: bool | None = Field(None, strict=True)
    temperature: Temperature | None = None
    max_output_tokens: Tokens | None = Field(None, description=MAX_TOKENS)
    metadata: Metadata | None = Field(
        None, description="Returned with the answer. Its `thread_id` counts where the request has no field for it."
    )
    text: TextOptions | None = None
    tools: Tools = Field(None, description="Not supported: the list must be empty.")
    previous_response_id: Stored = Field(None, description="Not supported: responses are not stored.")
    conversation: Stored = Field(None, description="Not supported: responses are not stored.")
    prompt: Stored = Field(None, description="Not supported: prompts are not stored.")
    background: Annotated[Literal[False] | None, refusing("a response is made while you wait", False)] = None

    @model_validator(mode="after")
    def _asks(self) -> ResponseRequest:
        if all(message.role != "user" for message in self.chat):
            raise ValueError("`input` has no message of the role `user`")
        return self

    @cached_property
    def chat(self) -> list[Message]:
        """The messages."""
        if isinstance(self.input, str):
            return [Message(role="user", content=self.input)]
        return [item.message() for item in self.input]

    @property
    def field(self) -> str:
        """The field that holds them."""
        return "input"

    def research(self, conversation: Conversation) -> ResearchRequest:
        """Return the request for the service."""
        thread = self.thread_id or thread_of(self.metadata)
        tokens, temperature = self.max_output_tokens, self.temperature
        return research_of(self, self.model, conversation, thread, tokens=tokens, temperature=temperature)


@router.post(
    "/v1/responses",
    operation_id="createResponse",
    responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}},
)
async def respond(asked: ResponseRequest, request: Request, caller: Caller, desk: AtDesk) -> Response:
    """Answer the last user message, as one response or, with `stream`, as events."""
    answer = await unless_left(request, answer_of(asked, request, caller, desk))
    if asked.stream:
        return sent(_events(answer, asked), answer.watching())
    with answer.watching():
        return await unless_left(request, _whole(answer, asked))


async def _whole(answer: Answer, asked: ResponseRequest) -> Response:
    text = "".join([piece async for piece in answer.pieces()])
    if answer.error is not None:
        raise answer.error
    return JSONResponse(_completed(answer, asked, _part(text, _annotations(answer, text)), int(time.time())))


async def _events(answer: Answer, asked: ResponseRequest) -> AsyncIterator[ServerSentEvent]:
    """Yield the events of a streamed response, each with its number."""
    number = 0
    async for kind, fields in _numberless(answer, asked):
        event = {"type": kind, "sequence_number": number, **fields}
        yield ServerSentEvent(event=kind, data=json.dumps(event))
        number += 1


async def _numberless(answer: Answer, asked: ResponseRequest) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    created, text = int(time.time()), ""
    begun = _response(answer, asked, created, status="in_progress")
    place = {"item_id": f"msg_{answer.id}", "output_index": 0, "content_index": 0}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    yield "response.output_item.added", {"output_index": 0, "item": _message(answer, [], "in_progress")}
    yield "response.content_part.added", {**place, "part": _part("", [])}
    async for piece in answer.pieces():
        text += piece
        yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
    if answer.error is not None:
        yield "response.failed", {"response": _failed(answer.error, begun)}
        return
    part = _part(text, _annotations(answer, text))
    for index, annotation in enumerate(part["annotations"]):
        added = {**place, "annotation_index": index, "annotation": annotation}
        yield "response.output_text.annotation.added", added
    yield "response.output_text.done", {**place, "text": text, "logprobs": []}
    yield "response.content_part.done", {**place, "part": part}
    yield "response.output_item.done", {"output_index": 0, "item": _message(answer, [part], "completed")}
    yield "response.completed", {"response": _completed(answer, asked, part, created)}


def _completed(answer: Answer, asked: ResponseRequest, part: dict[str, Any], created: int) -> dict[str, Any]:
    read, written = answer.tokens
    message = _message(answer, [part], "completed")
    usage = {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }
    fields = {"output": [message], "usage": usage, "sixplane": answer.beside}
    return {**_response(answer, asked, created, status="completed"), **fields}


def _failed(error: BaseException, response: dict[str, Any]) -> dict[str, Any]:
    told = openai_problem(problem_of(error)).error
    return {**response, "status": "failed", "error": {"code": told.code, "message": told.message}}


def _response(answer: Answer, asked: ResponseRequest, created: int, *, status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": created,
        "status": status,
        "model": asked.model,
        "output": [],
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "metadata": asked.metadata or {},
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "store": False,
        "temperature": asked.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    }


def _message(answer: Answer, parts: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": f"msg_{answer.id}", "type": "message", "role": "assistant", "status": status, "content": parts}


def _part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _annotations(answer: Answer, text: str) -> list[dict[str, Any]]:
    return [{"type": "url_citation", **each.fields()} for each in answer.citations(text)]
