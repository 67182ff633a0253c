"""The chat model of an endpoint. Import it only inside functions: langchain-openai takes a second to load."""

from __future__ import annotations

from typing import Any

from langchain_openai import ChatOpenAI

from gateway.provider_error import ProviderFailure


class EndpointModel(ChatOpenAI):
    """`ChatOpenAI` that knows its `gateway.openai.endpoint.Endpoint`. The SDK's own retries are off."""

    endpoint: Any = None

    def failure_of(self, error: BaseException) -> ProviderFailure | None:
        """Return what an error of the endpoint means, `None` if it did not cause it."""
        found: ProviderFailure | None = self.endpoint.failure_of(error)
        return found

    @property
    def address_hint(self) -> str:
        """What to check where something else than a model answers."""
        return str(self.endpoint.address_hint)

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        await self.endpoint.aclose()
