"""Settings of the ways to OCI's models that speak OpenAI's APIs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class OCIOpenAISettings(BaseModel):
    """The OpenAI-compatible endpoint of OCI Generative AI, for the models `oci-openai:NAME`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = ""
    """Empty: `/openai/v1` of `oci.endpoint`, or of the region's endpoint."""
    surface: Literal["auto", "chat", "responses"] = "auto"
    """The API that is asked; `auto`: chat completions, unless the model answers only on Responses."""
    api_key: SecretStr = SecretStr("")
    """A Generative AI API key (`sk-…`). Without one, requests are signed as `oci.auth` says."""
    api_key_secret_id: str = ""
    """OCID of a secret in OCI Vault that holds such a key."""
    project_id: str = Field("", pattern=r"^(|ocid1\.generativeaiproject\.[A-Za-z0-9._-]+)$")
    conversation_store_id: str = Field("", pattern=r"^(|ocid1\.[A-Za-z0-9._-]+)$")
    """Where OCI keeps what is said on Responses. Empty: it keeps nothing, since we keep the state."""
    stream: bool = False
    """Whether answers are streamed to us, so that the read timeout holds for each piece and not for the whole."""


class DeploymentSettings(BaseModel):
    """One model deployment of OCI Data Science, for the model `oci-deployment:NAME`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    endpoint: str
    """`https://modeldeployment.REGION.oci.customer-oci.com/OCID`, with or without `/predict`."""
    model: str = "odsc-llm"
    """The name that the deployed server knows its model by. AI Quick Actions calls each of them `odsc-llm`."""
    stream: bool = True
    """Whether `/predictWithResponseStream` is asked. `/predict` ends each call after 60 seconds."""
    context_tokens: int = Field(8192, ge=512)
    output_tokens: int = Field(4096, ge=16)
    token_prices_micro_usd: tuple[int, int] | None = None
    """Prices of 1,000,000 tokens of prompt and of answer, in micro-dollars."""
    hour_price_micro_usd: int | None = Field(None, ge=0)
    """The price of an hour, in micro-dollars. A call is charged for the time that it takes."""

    @field_validator("endpoint")
    @classmethod
    def _address(cls, given: str) -> str:
        found = given.rstrip("/").removesuffix("/predictWithResponseStream").removesuffix("/predict")
        if not found.startswith(("https://", "http://")):
            raise ValueError("give the address of the deployment, which begins with `https://modeldeployment.`")
        return found

    @model_validator(mode="after")
    def _one_price(self) -> DeploymentSettings:
        if self.token_prices_micro_usd is not None and self.hour_price_micro_usd is not None:
            raise ValueError("it has two prices; keep `token_prices_micro_usd` or `hour_price_micro_usd`")
        return self
