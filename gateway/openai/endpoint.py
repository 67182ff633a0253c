"""An OpenAI-compatible endpoint: its address, its credentials, and how its failures read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from gateway.catalog.compatible import CHAT, RESPONSES
from gateway.openai.failures import ADDRESS_HINT, classify_openai
from gateway.provider_error import ProviderFailure
from state.errors import SettingsInvalid

if TYPE_CHECKING:
    import httpx

    from gateway.openai.client import LoopClient
    from settings import Settings

NO_KEY = SecretStr("none")
"""The SDK demands a key, also of servers that take none and where a signature replaces it."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, shared by all calls of a process.

    Args:
        base_url: what `/chat/completions` and `/responses` are appended to.
        client: sends the requests; it signs them where the endpoint wants signatures.
        timeout: of one request, in seconds.
        key: the bearer token.
        headers: sent with every request.
        stream: whether answers are streamed to us. The caller gets them whole in either case.
        store: whether the service keeps what is said on Responses.
        address_hint: what to check where something else than a model answers.
        failure_of: what an error of this endpoint means; `None` if it did not cause the error.
    """

    base_url: str
    client: LoopClient
    timeout: float | httpx.Timeout
    key: SecretStr = NO_KEY
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    store: bool = False
    address_hint: str = ADDRESS_HINT
    failure_of: Callable[[BaseException], ProviderFailure | None] = classify_openai

    def chat_model(self, name: str, api_format: str = CHAT) -> BaseChatModel:
        """Return the model that the endpoint calls `name`, asked on the API of `api_format`."""
        from gateway.openai.models import EndpointModel  # takes about a second, so only when a model is made

        # It advises to call its own `with_structured_output` with another method whenever a server refuses a schema.
        warnings.filterwarnings("ignore", message=".*structured output feature", category=UserWarning)
        on_responses = api_format == RESPONSES
        return EndpointModel(
            endpoint=self,
            model=name,
            base_url=self.base_url,
            api_key=self.key,
            http_async_client=self.client,
            timeout=self.timeout,
            default_headers=dict(self.headers),
            max_retries=0,  # retrying is the governor's task
            use_responses_api=on_responses,
            store=self.store if on_responses else None,
            streaming=self.stream,
            stream_usage=True,
            disable_streaming=not self.stream,
            include_response_headers=True,
        )

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        await self.client.aclose()


def openai_endpoint(settings: Settings) -> Endpoint:
    """Return the endpoint of `settings.openai`.

    Raises:
        SettingsInvalid: no endpoint is configured.
    """
    if not settings.openai.base_url:
        raise SettingsInvalid(
            "the models `openai:…` need an endpoint",
            hint="set SIXPLANE_OPENAI__BASE_URL, for example to http://127.0.0.1:8080/v1",
        )
    from gateway.openai.client import LoopClient

    return Endpoint(
        base_url=settings.openai.base_url,
        client=LoopClient(),
        timeout=settings.models.timeout_seconds,
        key=settings.openai.api_key if settings.openai.api_key.get_secret_value() else NO_KEY,
    )
