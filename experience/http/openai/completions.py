"""`POST /v1/chat/completions`: OpenAI's chat completions, whole or streamed."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sse_starlette import ServerSentEvent

from experience.http.callers import AtDesk, Caller
from experience.http.events import sent
from experience.http.leaving import unless_left
from experience.http.openai.answering import answer_of
from experience.http.openai.answers import Answer
from experience.http.openai.requests import CompletionRequest
from experience.http.openai.stops import until
from experience.http.problems import openai_problem, problem_of

router = APIRouter()


@router.post(
    "/v1/chat/completions",
    operation_id="createChatCompletion",
    responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}},
)
async def completions(asked: CompletionRequest, request: Request, caller: Caller, desk: AtDesk) -> Response:
    """Answer the last user message, as one completion or, with `stream`, as chunks."""
    answer = await unless_left(request, answer_of(asked, request, caller, desk))
    if asked.stream:
        return sent(chunks(answer, asked), answer.watching())
    with answer.watching():
        return await unless_left(request, _completion(answer, asked))


async def _completion(answer: Answer, asked: CompletionRequest) -> Response:
    text = "".join([piece async for piece in until(answer.pieces(), asked.stops)])
    if answer.error is not None:
        raise answer.error
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": _annotations(answer, text)}
    return JSONResponse(
        {
            **_head(answer, asked, "chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": _usage(answer),
            "metadata": asked.metadata,
            "sixplane": answer.beside,
        }
    )


async def chunks(answer: Answer, asked: CompletionRequest) -> AsyncIterator[ServerSentEvent]:
    """Yield the chunks of a streamed completion."""
    head = _head(answer, asked, "chat.completion.chunk")
    yield _chunk(head, {"role": "assistant", "content": ""})
    text = ""
    async for piece in until(answer.pieces(), asked.stops):
        text += piece
        yield _chunk(head, {"content": piece})
    if answer.error is not None:
        # The 200 is already sent, so the error travels as data. OpenAI's clients raise it from the stream.
        yield ServerSentEvent(data=openai_problem(problem_of(answer.error)).model_dump_json())
        return
    cited = _annotations(answer, text)
    yield _chunk(head, {"annotations": cited} if cited else {}, finish="stop", sixplane=answer.beside)
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield ServerSentEvent(data=json.dumps({**head, "choices": [], "usage": _usage(answer)}))
    yield ServerSentEvent(data="[DONE]")


def _chunk(head: dict[str, Any], delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> ServerSentEvent:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return ServerSentEvent(data=json.dumps({**head, "choices": [choice], **more}))


def _head(answer: Answer, asked: CompletionRequest, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{answer.id}", "object": kind, "created": int(time.time()), "model": asked.model}


def _annotations(answer: Answer, text: str) -> list[dict[str, Any]]:
    return [{"type": "url_citation", "url_citation": each.fields()} for each in answer.citations(text)]


def _usage(answer: Answer) -> dict[str, int]:
    read, written = answer.tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
