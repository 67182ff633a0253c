"""Chat models behind OpenAI-compatible endpoints, and which request fields each endpoint accepts.

The SDK's retries and streaming are switched off: retrying is the governor's task.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from opentelemetry import trace
from pydantic import BaseModel, SecretStr

from gateway.ledger.account import CallScope
from gateway.metering import counted
from gateway.openai.failures import NoCompletionError
from gateway.schemas import BOUNDS, strict_schema
from settings import Settings
from state.errors import SettingsInvalid

_FORMAT = re.compile(
    r"response[_ ]format|json[_ ](?:schema|object|mode|validate)|structured[_ ]output|grammar|guided_|invalid schema",
    re.IGNORECASE,
)
"""What servers say when they refuse a response format, or a schema in it. They agree on no error code for it."""


@dataclass
class Dialect:
    """Which optional request fields an endpoint accepts: all of them, until it refuses one.

    Local servers ignore `max_completion_tokens` and would answer without end; reasoning models refuse `max_tokens`
    and `temperature`. Of the response formats `json_schema` comes first: its grammar makes even a weak model's answer
    parse at once. Some servers know only `json_object`, some neither, and some refuse lengths of lists in a schema.
    """

    refused: set[str] = field(default_factory=set)

    def body(self, scope: CallScope, schema: type[BaseModel] | None) -> dict[str, Any]:
        """Return the optional fields of one request for an answer in `schema`, or in prose."""
        length = "max_completion_tokens" if "max_tokens" in self.refused else "max_tokens"
        wanted: dict[str, Any] = {length: scope.max_output_tokens, "temperature": scope.temperature}
        kept = {name: value for name, value in wanted.items() if name not in self.refused}
        format_ = self._response_format(schema) if schema else None
        return {**kept, "response_format": format_} if format_ else kept

    def format_text(self, schema: type[BaseModel]) -> str:
        """Return the response format of the next request for `schema` as text."""
        return _text_of(self._response_format(schema))

    def learns_from(self, error: BaseException, sent: Mapping[str, Any]) -> bool:
        """Return whether `error` refuses something in the body that was `sent`, and remember it.

        What counts is the body: of two requests at once, the second is refused what the first has just learned.
        """
        status, said = getattr(error, "status_code", None), str(error)
        # llama.cpp answers 500 to a schema that it cannot convert, and other servers 501.
        format_ = sent.get("response_format") if status in (400, 422, 500, 501) and _FORMAT.search(said) else None
        refused = self._refused_of(format_, said) if format_ else set()
        if status in (400, 422) and "nsupported" in said:
            names = (name for name in ("max_tokens", "temperature") if name in sent)
            refused |= {name for name in names if f"'{name}" in said or f'"{name}' in said or f"`{name}" in said}
        self.refused |= refused
        return bool(refused)

    def _response_format(self, schema: type[BaseModel]) -> dict[str, Any] | None:
        if "json_schema" not in self.refused:
            spelled = strict_schema(schema, frozenset(self.refused.intersection(BOUNDS)))
            return {
                "type": "json_schema",
                "json_schema": {"name": schema.__name__, "strict": True, "schema": spelled},
            }
        return None if "json_object" in self.refused else {"type": "json_object"}

    @staticmethod
    def _refused_of(format_: Mapping[str, Any], said: str) -> set[str]:
        """Return the keywords of the schema that the refusal names, else the format as a whole."""
        whole = json.dumps(format_)
        return {word for word in BOUNDS if word in said and f'"{word}"' in whole} or {str(format_["type"])}


def _text_of(format_: Mapping[str, Any] | None) -> str:
    return json.dumps(format_) if format_ else ""


def openai_chat_model(settings: Settings, scope: CallScope) -> BaseChatModel:
    """Return the model `openai:NAME` of the configured endpoint.

    Raises:
        SettingsInvalid: no endpoint is configured.
    """
    if not settings.openai.base_url:
        raise SettingsInvalid(
            f"the model {scope.model!r} needs an endpoint",
            hint="set SIXPLANE_OPENAI__BASE_URL, for example to http://127.0.0.1:8080/v1",
        )
    from langchain_openai import ChatOpenAI  # takes about a second, so only when a model is made

    # It advises to call its own `with_structured_output` with another method whenever a server refuses a schema.
    warnings.filterwarnings("ignore", message=".*structured output feature", category=UserWarning)
    return ChatOpenAI(
        model=scope.model.removeprefix("openai:"),
        base_url=settings.openai.base_url,
        api_key=settings.openai.api_key if settings.openai.api_key.get_secret_value() else SecretStr("none"),
        timeout=settings.models.timeout_seconds,
        max_retries=0,
        use_responses_api=False,
        disable_streaming=True,
    )


async def ask_openai(
    model: BaseChatModel,
    messages: list[BaseMessage],
    scope: CallScope,
    dialect: Dialect,
    schema: type[BaseModel] | None,
    **options: Any,
) -> AIMessage:
    """Return the endpoint's answer, in `schema` if one is given.

    A field that the endpoint refuses is left out, and the request sent again.

    The fields go through `extra_body`: if langchain-openai sees a `response_format`, it parses the answer itself and
    fails on truncated ones.

    Raises:
        NoCompletionError: the endpoint answered with something other than a chat completion.
    """
    while True:
        body = dialect.body(scope, schema)
        try:
            answer = await model.ainvoke(messages, extra_body=body, **options)
            return counted(answer, _text_of(body.get("response_format"))) if schema else answer
        # A body that is not a chat completion fails inside langchain-openai with one of these, not with a typed error.
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise NoCompletionError from error
        except Exception as error:  # inspected only: an error that refuses no field is raised again
            if not dialect.learns_from(error, body):
                raise
            trace.get_current_span().add_event("sixplane.dialect", {"refused": sorted(dialect.refused)})
