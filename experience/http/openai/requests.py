"""The request of a chat completion, and the run that it asks for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from experience.http.bodies import HAS_USER, ThreadName
from experience.http.openai.conversation import Conversation, Message
from experience.http.openai_problems import Unsupported, unsupported
from experience.service import ResearchRequest
from state.channels import ResearchContext
from state.errors import CorpusMissing
from state.styles import Form, Length
from state.values import NUMBER

MODEL = "sixplane"
"""The name of the model; after a slash, that of the corpus."""

DEFAULT_CORPUS = "default"

FEWEST_TOKENS, MOST_TOKENS = 64, 131_072
"""The bounds of `max_output_tokens`. A client may ask for fewer: a role's answer would not be whole."""


def refusing(reason: str, *allowed: Any) -> BeforeValidator:
    """Return a validator that refuses what is not allowed, with the reason. Absent and empty values are allowed."""

    def check(value: Any) -> Any:
        # In Python 0 equals False, and 1 equals True; in JSON they are of different types.
        if value in (None, [], {}) or any(
            value == each and isinstance(value, bool) is isinstance(each, bool) for each in allowed
        ):
            return value
        raise unsupported(reason)

    return BeforeValidator(check)


NO_TOOLS = "tools are not supported: the answer comes from the documents; leave them out"
PLAIN = "the answer is Markdown whose claims are checked, so it has no other format; `POST /v1/chat` answers with JSON"
MAX_TOKENS = "Tokens of each model call. Fewer than 64 count as 64, since a role's answer would not be whole."

Tools = Annotated[Annotated[list[Any], Field(max_length=0)] | None, refusing(NO_TOOLS)]
Tokens = Annotated[int, Field(ge=1, le=2**31 - 1), NUMBER]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Metadata = Annotated[
    dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=512)]],
    Field(max_length=16),
]
Temperature = Annotated[float, Field(ge=0, le=2), NUMBER]


class PlainFormat(BaseModel):
    """The only format of an answer: text."""

    type: Literal["text"]


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and value.get("type") in ("json_object", "json_schema"):
        raise unsupported(PLAIN)
    return value


ResponseFormat = Annotated[PlainFormat, BeforeValidator(_plain)]


class StreamOptions(BaseModel):
    """What a stream contains besides text."""

    include_usage: bool = Field(False, strict=True)


class Ours(BaseModel):
    """What a request has beside OpenAI's fields; clients send it as `extra_body`."""

    model_config = ConfigDict(extra="ignore")

    thread_id: ThreadName | None = Field(
        None, description="Ours: the thread to continue. It remembers the conversation, so only the last turn is read."
    )
    context: ResearchContext | None = Field(None, description="Ours: the options of the run, as in `POST /v1/chat`.")
    length: Length | None = Field(None, description="Ours: how long the answer is.")
    form: Form | None = Field(None, description="Ours: the form of the answer. The extractive model ignores it.")


class CompletionRequest(Ours):
    """A chat completion request. Sampling options other than `temperature` are accepted and have no effect."""

    model: str = Field(MODEL, max_length=128)
    messages: list[Message] = Field(min_length=1, json_schema_extra=HAS_USER)
    stream: bool | None = Field(None, strict=True)
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    max_tokens: Tokens | None = Field(None, description=MAX_TOKENS)
    max_completion_tokens: Tokens | None = Field(None, description=MAX_TOKENS)
    metadata: Metadata | None = Field(
        None, description="Returned with the answer. Its `thread_id` counts where the request has no field for it."
    )
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    response_format: ResponseFormat | None = None
    n: Annotated[Literal[1] | None, refusing("one answer is made for each request; leave `n` out", 1)] = None
    tools: Tools = Field(None, description="Not supported: the list must be empty.")
    functions: Tools = Field(None, description="Not supported: the list must be empty.")
    logprobs: Annotated[Literal[False] | None, refusing("log probabilities are not supported", False)] = None
    modalities: Annotated[list[Literal["text"]] | None, refusing("answers are text", ["text"])] = None

    @model_validator(mode="after")
    def _asks(self) -> CompletionRequest:
        if all(message.role != "user" for message in self.messages):
            raise ValueError("no message has the role `user`")
        return self

    @property
    def chat(self) -> list[Message]:
        """The messages."""
        return self.messages

    @property
    def field(self) -> str:
        """The field that holds them."""
        return "messages"

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts at which the answer ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def research(self, conversation: Conversation) -> ResearchRequest:
        """Return the request for the service."""
        tokens = self.max_completion_tokens or self.max_tokens
        thread = self.thread_id or thread_of(self.metadata)
        return research_of(self, self.model, conversation, thread, tokens=tokens, temperature=self.temperature)


def research_of(
    asked: Ours,
    model: str,
    conversation: Conversation,
    thread: str | None,
    *,
    tokens: int | None,
    temperature: float | None,
) -> ResearchRequest:
    """Return the request for the service: OpenAI's fields and ours, in one context.

    Raises:
        CorpusMissing: there is no such model.
        Unsupported: the model and the context name different corpora.
    """
    given: dict[str, Any] = {
        "corpus": chosen_corpus(model, asked.context),
        "temperature": temperature,
        "max_output_tokens": bounded_tokens(tokens),
        "length": asked.length,
        "form": asked.form,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    context = (asked.context or ResearchContext()).model_copy(update=chosen)
    if thread is not None:  # the thread has the earlier turns already; it would keep them a second time
        return ResearchRequest(question=conversation.question, thread_id=thread, context=context)
    return ResearchRequest(messages=conversation.turns, context=context)


def thread_of(metadata: dict[str, str] | None) -> str | None:
    """Return the thread that the metadata name, for clients that send no fields of their own."""
    return (metadata or {}).get("thread_id") or None


def corpus_of(model: str) -> str:
    """Return the corpus that a model's name selects; empty if it names none.

    Raises:
        CorpusMissing: the name does not start with `sixplane`.
    """
    kind, _, corpus = model.partition("/")
    if kind != MODEL:
        raise CorpusMissing(f"there is no model {model[:80]!r}", hint="`GET /v1/models` lists them")
    return corpus


def bounded_tokens(tokens: int | None) -> int | None:
    """Return a number of tokens that a model call may have, as near as possible to what the client asks for."""
    return min(max(tokens, FEWEST_TOKENS), MOST_TOKENS) if tokens else None


def chosen_corpus(model: str, context: ResearchContext | None) -> str:
    """Return the corpus that model and context name together.

    Raises:
        Unsupported: they name different ones.
    """
    named = corpus_of(model)
    if context is None or "corpus" not in context.model_fields_set:
        return named or DEFAULT_CORPUS
    if named and named != context.corpus:
        raise Unsupported(
            "context.corpus",
            f"the model names the corpus `{named}` and `context` another one",
            hint="name the corpus once: as `sixplane/NAME`, or in `context` beside the model `sixplane`",
        )
    return context.corpus
