"""Settings of the ways to OCI's models that speak OpenAI's APIs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, SecretStr, field_validator, model_validator

_KINDS = {
    "project_id": "generativeaiproject",
    "conversation_store_id": "generativeaiconversationstore",
    "api_key_secret_id": "vaultsecret",
}


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
    project_id: str = ""
    """OCID of a Generative AI project. It takes the place of the compartment, which it belongs to."""
    conversation_store_id: str = ""
    """OCID of a conversation store, which projects have replaced; implies `store`."""
    store: bool = False
    """Whether OCI keeps what is said on Responses. We keep the state, so that nothing needs it."""
    stream: bool = False
    """Whether answers are streamed to us, so that the read timeout holds for each piece and not for the whole."""

    @model_validator(mode="after")
    def _ocids(self) -> OCIOpenAISettings:
        for name, kind in _KINDS.items():
            given = getattr(self, name)
            if given and not given.startswith(f"ocid1.{kind}."):
                raise ValueError(f"copy `{name}` from the console: it starts with `ocid1.{kind}.`")
        if self.store and not (self.project_id or self.conversation_store_id):
            raise ValueError("`store` needs a place: set `project_id`")
        return self


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
    token_prices_micro_usd: tuple[NonNegativeInt, NonNegativeInt] | None = None
    """Prices of 1,000,000 tokens of prompt and of answer, in micro-dollars."""
    hour_price_micro_usd: NonNegativeInt | None = None
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
