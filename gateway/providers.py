"""Chat models of providers, with their own retries off: the gateway owns them."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from gateway.scope import CallScope
from settings import Settings
from state.errors import SettingsInvalid


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
        max_completion_tokens=min(scope.max_output_tokens, settings.openai.context_tokens // 2),
        timeout=settings.models.timeout_seconds,
        max_retries=0,
        use_responses_api=False,
        model_kwargs={"response_format": {"type": "json_object"}},
    )
