"""Routes in OpenAI's wire format, for OpenAI clients and chat front ends.

The model name selects the corpus: `sixplane` uses the corpus `default`, `sixplane/NAME` uses `NAME`. Streamed text is
taken from the published report, so it starts after verification; SSE comments keep the connection open until then.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sse_starlette import ServerSentEvent

from experience.http.bodies import HAS_USER, MAX_MESSAGES, Question
from experience.http.callers import AtDesk, Caller
from experience.http.events import sent
from experience.http.problems import PROBLEM_TEXTS, OpenAIProblem, openai_problem, problem_of
from experience.render import render_after_answer, render_answer
from experience.service import ResearchRequest
from experience.service.events import TextDelta
from experience.service.runs import Run
from state.channels import ResearchContext
from state.errors import CorpusMissing
from state.report import Report
from state.styles import Form, Length
from state.values import NUMBER

router = APIRouter(
    tags=["openai"],
    responses={status: {"model": OpenAIProblem, "description": text} for status, text in PROBLEM_TEXTS.items()},
)

MODEL = "sixplane"
Most = Annotated[int, Field(ge=64, le=131_072), NUMBER]
DEFAULT_CORPUS = "default"


class Part(BaseModel):
    """A part of a user message. Only text is supported."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["text"]
    text: Question


class OtherPart(BaseModel):
    """A part of an earlier answer or of instructions. Its length is not limited: our own answers may be long."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["text"]
    text: str


class UserMessage(BaseModel):
    """A message of the user."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["user"]
    content: Question | Annotated[list[Part], Field(min_length=1, max_length=MAX_MESSAGES)]


class OtherMessage(BaseModel):
    """An earlier answer, or instructions. Instructions are ignored: the graph's roles have their own prompts."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["assistant", "system", "developer"]
    content: str | list[OtherPart] | None = None


Message = Annotated[UserMessage | OtherMessage, Field(discriminator="role")]


class StreamOptions(BaseModel):
    """What a stream contains besides text."""

    include_usage: bool = Field(False, strict=True)


class CompletionRequest(BaseModel):
    """A chat completion request. Sampling options other than `temperature` are accepted and have no effect."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(MODEL, max_length=128)
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES, json_schema_extra=HAS_USER)
    stream: bool = Field(False, strict=True)
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2), NUMBER] | None = None
    max_tokens: Most | None = None
    max_completion_tokens: Most | None = None
    length: Length | None = Field(None, description="Ours: how long the answer is.")
    form: Form | None = Field(None, description="Ours: the form of the answer. The extractive model ignores it.")
    n: Literal[1] | None = None
    tools: list[Any] | None = Field(None, max_length=0, description="Not supported: the list must be empty.")

    @model_validator(mode="after")
    def _asks(self) -> CompletionRequest:
        if all(message.role != "user" for message in self.messages):
            raise ValueError("no message has the role `user`")
        return self


@router.get("/v1/models")
async def models(caller: Caller, desk: AtDesk) -> dict[str, Any]:
    """List one model per corpus of the tenant."""
    found = await desk.corpora(caller)
    return {"object": "list", "data": [_model(f"{MODEL}/{corpus.name}") for corpus in found]}


@router.post("/v1/chat/completions", responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}})
async def completions(asked: CompletionRequest, caller: Caller, desk: AtDesk) -> Response:
    """Answer the last user message, as one completion or, with `stream`, as chunks."""
    run = await desk.start(caller, _request(asked))
    if asked.stream:
        return sent(_chunks(run, asked))
    await run.ended()
    if run.error is not None:
        raise run.error
    return JSONResponse(_completion(run, asked.model))


def corpus_of(model: str) -> str:
    """Return the corpus that a model name selects.

    Raises:
        CorpusMissing: the name does not start with `sixplane`.
    """
    kind, _, corpus = model.partition("/")
    if kind != MODEL:
        raise CorpusMissing(f"there is no model {model[:80]!r}", hint="`GET /v1/models` lists them")
    return corpus or DEFAULT_CORPUS


def _request(asked: CompletionRequest) -> ResearchRequest:
    turns: list[AnyMessage] = []
    for message in asked.messages:
        if isinstance(message, UserMessage):
            turns.append(HumanMessage(_text(message.content)))
        elif message.role == "assistant" and _text(message.content).strip():
            turns.append(AIMessage(_text(message.content)))
    given: dict[str, Any] = {
        "temperature": asked.temperature,
        "max_output_tokens": asked.max_completion_tokens or asked.max_tokens,
        "length": asked.length,
        "form": asked.form,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    while not isinstance(turns[-1], HumanMessage):  # the question is the last user message, as in `ConversationRequest`
        turns.pop()
    return ResearchRequest(messages=turns, context=ResearchContext(corpus=corpus_of(asked.model), **chosen))


def _text(content: str | list[Part] | list[OtherPart] | None) -> str:
    return content or "" if not isinstance(content, list) else "".join(part.text for part in content)


def _completion(run: Run, model: str) -> dict[str, Any]:
    content = render_answer(run.report) if run.report else _unfinished(run)
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        **_head(run, model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(run.report),
        "sixplane": _beside(run),
    }


async def _chunks(run: Run, asked: CompletionRequest) -> AsyncIterator[ServerSentEvent]:
    head = _head(run, asked.model, "chat.completion.chunk")
    yield _chunk(head, {"role": "assistant", "content": ""})
    # The tokens of the writer are never sent: the text events hold the published report, after its verification.
    async for event in run.watch():
        if isinstance(event, TextDelta):
            yield _chunk(head, {"content": event.text})
    if run.error is not None:
        # The 200 is already sent, so the error travels as data. OpenAI's clients raise it from the stream.
        yield ServerSentEvent(data=openai_problem(problem_of(run.error)).model_dump_json())
        return
    # The events held the answer; a chat client shows nothing else of the report, so its sources follow as text.
    yield _chunk(head, {"content": render_after_answer(run.report) if run.report else _unfinished(run)})
    yield _chunk(head, {}, finish="stop", sixplane=_beside(run))
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield ServerSentEvent(data=json.dumps({**head, "choices": [], "usage": _usage(run.report)}))
    yield ServerSentEvent(data="[DONE]")


def _chunk(head: dict[str, Any], delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> ServerSentEvent:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return ServerSentEvent(data=json.dumps({**head, "choices": [choice], **more}))


def _head(run: Run, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{run.id}", "object": kind, "created": int(time.time()), "model": model}


def _beside(run: Run) -> dict[str, Any]:
    """Return the content of the extra key `sixplane`, which OpenAI clients keep and do not read."""
    report = run.report.model_dump(mode="json") if run.report else None
    return {"thread_id": run.thread_id, "run_id": run.id, "report": report}


def _unfinished(run: Run) -> str:
    if run.review:
        return f"The draft on the thread {run.thread_id} waits for a review."
    return f"The run was stopped. Its thread {run.thread_id} can be resumed."


def _usage(report: Report | None) -> dict[str, int]:
    asked, said = (report.usage.input_tokens, report.usage.output_tokens) if report else (0, 0)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": MODEL}
