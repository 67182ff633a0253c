"""Chat models behind OpenAI-compatible endpoints, and which request fields each endpoint accepts.

The SDK's retries and streaming are switched off: retrying is the governor's task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from opentelemetry import trace
from pydantic import SecretStr

from gateway.ledger.account import CallScope
from gateway.openai.failures import NoCompletionError
from settings import Settings
from state.errors import SettingsInvalid


@dataclass
class Dialect:
    """Which optional request fields an endpoint accepts: all of them, until it refuses one.

    Local servers ignore `max_completion_tokens` and would answer without end; reasoning models refuse `max_tokens`
    and `temperature`; some servers refuse `response_format`.
    """

    refused: set[str] = field(default_factory=set)

    def body(self, scope: CallScope, *, json: bool) -> dict[str, Any]:
        """Return the optional fields of one request."""
        length = "max_completion_tokens" if "max_tokens" in self.refused else "max_tokens"
        wanted: dict[str, Any] = {length: scope.max_output_tokens, "temperature": scope.temperature}
        if json:
            wanted["response_format"] = {"type": "json_object"}
        return {name: value for name, value in wanted.items() if name not in self.refused}

    def learns_from(self, error: BaseException) -> bool:
        """Return whether `error` refuses a field that was not known to be refused, and remember it.

        A refusal is recognised by the quoted field name in the message, since endpoints agree on no error code for it.
        """
        if getattr(error, "status_code", None) not in (400, 422):
            return False
        said = str(error)
        names = ["response_format", *(("max_tokens", "temperature") if "nsupported" in said else ())]
        refused = {name for name in names if f"'{name}" in said or f'"{name}' in said or f"`{name}" in said}
        new = refused - self.refused
        self.refused |= new
        return bool(new)


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
    model: BaseChatModel, messages: list[BaseMessage], scope: CallScope, dialect: Dialect, *, json: bool, **options: Any
) -> AIMessage:
    """Return the endpoint's answer; a field that it refuses is left out and the request sent again.

    The fields go through `extra_body`: if langchain-openai sees a `response_format`, it parses the answer itself and
    fails on truncated ones.

    Raises:
        NoCompletionError: the endpoint answered with something other than a chat completion.
    """
    while True:
        try:
            return await model.ainvoke(messages, extra_body=dialect.body(scope, json=json), **options)
        # A body that is not a chat completion fails inside langchain-openai with one of these, not with a typed error.
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise NoCompletionError from error
        except Exception as error:  # inspected only: an error that refuses no field is raised again
            if not dialect.learns_from(error):
                raise
            trace.get_current_span().add_event("sixplane.dialect", {"refused": sorted(dialect.refused)})
