"""Chat models of providers, with their own retries and streaming off: the gateway owns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from opentelemetry import trace
from pydantic import SecretStr

from gateway.failures import NoCompletionError, refuses_json_mode
from gateway.scope import CallScope
from settings import Settings
from state.errors import SettingsInvalid

_JSON_MODE = {"extra_body": {"response_format": {"type": "json_object"}}}
"""As `extra_body`, since langchain-openai parses the answer itself, and fails on truncated ones, where it sees it."""


@dataclass
class JsonMode:
    """Whether an endpoint has refused `response_format`: learnt from its first refusal."""

    refused: bool = False


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
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        model=scope.model.removeprefix("openai:"),
        base_url=settings.openai.base_url,
        api_key=settings.openai.api_key if settings.openai.api_key.get_secret_value() else SecretStr("none"),
        temperature=scope.temperature,
        max_completion_tokens=scope.max_output_tokens,
        timeout=settings.models.timeout_seconds,
        max_retries=0,
        use_responses_api=False,
        disable_streaming=True,
    )


async def ask_openai(model: BaseChatModel, messages: list[BaseMessage], mode: JsonMode) -> AIMessage:
    """Return the endpoint's answer, asked for in JSON mode unless the endpoint refuses that.

    Raises:
        NoCompletionError: the endpoint answered with something else than a chat completion.
    """
    if not mode.refused:
        try:
            return await _completion(model, messages, _JSON_MODE)
        except Exception as error:
            if not refuses_json_mode(error):
                raise
            mode.refused = True
            trace.get_current_span().add_event("sixplane.json_mode_refused")
    return await _completion(model, messages, {})


async def _completion(model: BaseChatModel, messages: list[BaseMessage], options: dict[str, Any]) -> AIMessage:
    try:
        return await model.ainvoke(messages, **options)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise NoCompletionError from error
