"""What OCI answers, as Pydantic models: every answer, stream event, usage block, vector and rank is read through one.

A field that we do not know is ignored, since the service adds fields. A field that we know and that has another type, a
number that is not finite, or a missing field without which the answer means nothing raises one `ProviderError` of the
kind `malformed`. Its text names the field and never its value, which may hold a document's text.

Fields are those of `oci.generative_ai_inference.models` (SDK 2.189), in the spelling of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from gateway.provider_error import MOST_TOKENS, ProviderError, ProviderFailure

PROXY_HINT = "check SIXPLANE_OCI__ENDPOINT and the proxy in between: something other than OCI answered"
MALFORMED_HINT = "use another model, and report the request id to Oracle: the service broke its own format"

_FLOAT32 = 3.4e38
"""Vectors are stored and compared as 32-bit floats; a larger number would become infinite there."""


class Wire(BaseModel):
    """Base of all answers: field names in camel case, no conversion of types, and unknown fields ignored."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", alias_generator=to_camel, allow_inf_nan=False, protected_namespaces=()
    )


def _parts(content: Any) -> Any:
    """Return a content that is plain text as its one part; some models answer so."""
    return [{"type": "TEXT", "text": content}] if isinstance(content, str) else content


Count = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
Score = Annotated[float, Field(allow_inf_nan=False)]
Component = Annotated[float, Field(ge=-_FLOAT32, le=_FLOAT32)]


class InputDetails(Wire):
    """What of the prompt came from a cache."""

    cached_tokens: Count | None = None


class OutputDetails(Wire):
    """What of the answer was reasoning."""

    reasoning_tokens: Count | None = None


class UsageBlock(Wire):
    """Tokens of a call. Gemini leaves `completionTokens` out where it said nothing."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None


class ContentPart(Wire):
    """A part of a message; only those with `text` are read."""

    type: str | None = None
    text: str | None = None


class FunctionCall(Wire):
    """Name and arguments as COHEREV2 nests them."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class WireToolCall(Wire):
    """A tool call, or a fragment of one in a stream: `arguments` in GENERIC, `parameters` in COHERE."""

    id: str | None = None
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    function: FunctionCall | None = None


class WireMessage(Wire):
    """What the model said in GENERIC and COHEREV2, whole or the next piece of a stream."""

    content: Annotated[list[ContentPart] | None, BeforeValidator(_parts)] = None
    tool_calls: list[WireToolCall] | None = None
    reasoning_content: str | None = None


class Choice(Wire):
    """A GENERIC choice, a COHERE or COHEREV2 answer, or an event of a stream in any of the formats."""

    api_format: str | None = None
    text: str | None = None
    message: WireMessage | None = None
    tool_calls: list[WireToolCall] | None = None
    finish_reason: str | None = None
    error_message: str | None = None
    usage: UsageBlock | None = None

    @property
    def said(self) -> str:
        """The text, empty if there is none."""
        if self.text is not None:
            return self.text
        parts = (self.message.content if self.message else None) or ()
        return "".join(part.text or "" for part in parts)

    @property
    def calls(self) -> list[WireToolCall]:
        """The tool calls."""
        return self.tool_calls or (self.message.tool_calls if self.message else None) or []

    @property
    def reasoning(self) -> str:
        """What the model thought, empty if it does not tell."""
        return (self.message.reasoning_content if self.message else None) or ""


class ChatResponse(Choice):
    """The `chatResponse`: GENERIC has choices, the other formats are their own choice."""

    choices: Annotated[list[Choice], Field(min_length=1)] | None = None


class ChatAnswer(Wire):
    """The answer to `chat`."""

    model_id: str | None = None
    model_version: str | None = None
    chat_response: ChatResponse


class EmbedAnswer(Wire):
    """The answer to `embedText`: one vector per input."""

    embeddings: list[Annotated[list[Component], Field(min_length=1)]]
    usage: UsageBlock | None = None


class Rank(Wire):
    """The place of one document."""

    index: Annotated[int, Field(ge=0)]
    relevance_score: Score


class RerankAnswer(Wire):
    """The answer to `rerankText`."""

    document_ranks: list[Rank]


class Category(Wire):
    """A category of the content moderation."""

    name: str
    score: Score


class Moderation(Wire):
    """What the content moderation found."""

    categories: list[Category]


class Injection(Wire):
    """Whether the text instructs the model."""

    score: Score


class PersonalData(Wire):
    """Where personal data stands. The service repeats it in `text`, which is not read."""

    label: str | None = None
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=1)]


class GuardrailResults(Wire):
    """What guardrails found; a part that was not asked for is missing."""

    content_moderation: Moderation | None = None
    prompt_injection: Injection | None = None
    personally_identifiable_information: list[PersonalData] | None = None


class GuardrailAnswer(Wire):
    """The answer to `applyGuardrails`."""

    results: GuardrailResults


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], data: Any) -> Model:
    """Return `data` as `model`.

    Args:
        model: one of the models above.
        data: a decoded body, or a decoded event of a stream.

    Raises:
        ProviderError: it is malformed, or something other than OCI answered.
    """
    if data is None or isinstance(data, str):
        raise malformed("it is not whole JSON") if str(data).startswith(("{", "[")) else not_oci(data)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or type(data).__name__
        raise malformed(f"`{place}`: {first['msg'][:1].lower()}{first['msg'][1:]}") from None  # the error quotes values


def malformed(what: str) -> ProviderError:
    """Return the error for an answer that breaks OCI's format; `what` names the field, never its value."""
    return ProviderError(
        ProviderFailure(
            f"its answer is malformed: {what}", transient=False, billed=True, kind="malformed", hint=MALFORMED_HINT
        )
    )


def not_oci(data: Any) -> ProviderError:
    """Return the error for an answer that is no JSON, and so cannot come from OCI."""
    kind = "a page" if isinstance(data, str) and "<" in data[:100] else "empty" if data is None else "plain text"
    return ProviderError(
        ProviderFailure(f"its answer is {kind}, not an answer of OCI", transient=False, billed=True, hint=PROXY_HINT)
    )


def check(condition: bool, what: str) -> None:
    """Raise the error of a malformed answer unless `condition` holds."""
    if not condition:
        raise malformed(what)


def plain(results: GuardrailResults) -> Mapping[str, Any]:
    """Return results in the spelling of the wire, for `policy`, which does not know this package."""
    return results.model_dump(by_alias=True, exclude_none=True)
