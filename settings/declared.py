"""Models that the settings declare: what a tenancy has and the catalogue does not know, or knows otherwise."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt


class DeclaredModel(BaseModel):
    """A model by its id, alias, or the OCID of the model or endpoint. Only the price is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price_micro_usd: tuple[NonNegativeInt, NonNegativeInt]
    """Price of input and output in micro-dollars per `unit`: 1,000,000 tokens, 10,000 characters, 1,000 searches."""
    like: str = ""
    """A model of the catalogue; what is not set here is as for it."""
    unit: Literal["tokens", "characters", "searches"] = "tokens"
    use: Literal["chat", "embedding", "rerank"] = "chat"
    api_format: Literal["COHERE", "COHEREV2", "GENERIC"] = "GENERIC"
    context_tokens: int = Field(8192, ge=512)
    output_tokens: int = Field(4000, ge=16)
    surfaces: tuple[Literal["native", "chat_completions", "responses"], ...] = ("native",)
    """The APIs of OCI on which it answers."""
