"""Requests and answers in the form that chat applications share: messages, a model and parameters; content and usage.

Such a request has the field `model`; it goes to the same routes as a question, and its answer has the
report beside the content.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from experience.http.bodies import (
    HAS_USER,
    AssistantTurn,
    Body,
    ConversationRequest,
    Pending,
    QuestionRequest,
    ThreadName,
    UserTurn,
)
from experience.http.openai.requests import MODEL, Temperature, Tokens, bounded_tokens
from experience.http.problems import Problem
from experience.http.sizes import MAX_BATCH, MAX_MESSAGES
from experience.render import render_answer
from experience.service import ResearchRequest
from state.channels import ResearchContext
from state.report import Report
from state.styles import Form, Length


class Parameters(Body):
    """How the answer is made."""

    temperature: Temperature | None = None
    max_tokens: Tokens | None = Field(None, description="Tokens of each model call; fewer than 64 count as 64.")
    length: Length | None = Field(None, description="How long the answer is.")
    form: Form | None = Field(None, description="The form of the answer. The extractive model ignores it.")


class SystemTurn(Body):
    """Instructions. They are accepted and not followed: the roles of a run have their own prompts."""

    role: Literal["system", "developer"]
    content: str


class ChatRequest(Body):
    """Messages, a model and parameters. The last user message is the question."""

    messages: list[Annotated[UserTurn | AssistantTurn | SystemTurn, Field(discriminator="role")]] = Field(
        min_length=1, max_length=MAX_MESSAGES, json_schema_extra=HAS_USER
    )
    model: str = Field(max_length=128, description="`sixplane`, `sixplane/CORPUS`, or the id of a model.")
    parameters: Parameters = Parameters()
    thread_id: ThreadName | None = None
    context: ResearchContext = Field(ResearchContext(), description="Its `corpus` counts before the model's.")

    @model_validator(mode="after")
    def _asks(self) -> ChatRequest:
        if all(turn.role != "user" for turn in self.messages):
            raise ValueError("no turn has the role `user`")
        return self

    def research(self) -> ResearchRequest:
        """Return the request for the service."""
        kind, _, corpus = self.model.partition("/")
        named = kind == MODEL and corpus and "corpus" not in self.context.model_fields_set
        given: dict[str, Any] = {
            **self.parameters.model_dump(include={"temperature", "length", "form"}),
            "max_output_tokens": bounded_tokens(self.parameters.max_tokens),
            "corpus": corpus if named else None,
            "model": None if kind == MODEL else self.model,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        turns = [turn for turn in self.messages if not isinstance(turn, SystemTurn)]
        context = self.context.model_copy(update=chosen)
        return ConversationRequest(messages=turns, thread_id=self.thread_id, context=context).research()


def _kind(body: Any) -> str:
    """Return which request a body is meant as: the faults of the others would only mislead."""
    if isinstance(body, BaseModel):
        return type(body).__name__
    fields = body if isinstance(body, dict) else {}
    if "model" in fields or "parameters" in fields:
        return ChatRequest.__name__
    return ConversationRequest.__name__ if "messages" in fields else QuestionRequest.__name__


AnyRequest = Annotated[
    Annotated[QuestionRequest, Tag(QuestionRequest.__name__)]
    | Annotated[ConversationRequest, Tag(ConversationRequest.__name__)]
    | Annotated[ChatRequest, Tag(ChatRequest.__name__)],
    Discriminator(_kind),
]


class ChatUsage(BaseModel):
    """What an answer has used."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cost_micro_usd: int


class ChatMetadata(BaseModel):
    """Where an answer comes from, and what it is worth."""

    thread_id: str
    run_id: str
    trace_id: str
    status: str
    corpus: str


class ChatResponse(BaseModel):
    """The answer to messages: the text with its sources, and the report that it was made of."""

    content: str
    usage: ChatUsage
    metadata: ChatMetadata
    report: Report


def response_of(report: Report) -> ChatResponse:
    """Return a report as the answer to messages."""
    used = report.usage
    return ChatResponse(
        content=render_answer(report),
        usage=ChatUsage(
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            total_tokens=used.input_tokens + used.output_tokens,
            cost_micro_usd=used.cost_micro_usd,
        ),
        metadata=ChatMetadata(
            thread_id=report.thread_id,
            run_id=report.run_id,
            trace_id=report.trace_id,
            status=report.status.value,
            corpus=report.corpus.name if report.corpus else "",
        ),
        report=report,
    )


class BatchRequest(Body):
    """Several questions in one request. Use `sixplane batch` for large jobs."""

    requests: list[AnyRequest] = Field(min_length=1, max_length=MAX_BATCH)


class BatchItem(BaseModel):
    """The result of one request: a report, a pending state, or a problem."""

    index: int
    status: str
    report: Report | None = None
    pending: Pending | None = None
    response: ChatResponse | None = Field(None, description="The report as the answer to messages, if it was asked so.")
    problem: Problem | None = None


class BatchResult(BaseModel):
    """Results in the order of the requests."""

    items: list[BatchItem]
