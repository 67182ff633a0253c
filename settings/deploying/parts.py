"""The tables of a stack: who is let in, how many replicas, which network, which storage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

ScalingMetric = Literal["cpu", "memory", "concurrency", "requests_per_second"]
StorageType = Literal["ADB", "POSTGRESQL", "CACHE"]

StackName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$")]
"""Oracle's rule for names of applications, and short enough to be a part of one."""
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def ocid(kind: str) -> StringConstraints:
    """Return what holds for an OCID of a kind; `kind` is a regular expression."""
    return StringConstraints(pattern=rf"^ocid1\.{kind}\.[A-Za-z0-9._-]+$")


SecretId = Annotated[str, ocid("vaultsecret")]


class Section(BaseModel):
    """A table of settings that is not changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class IdentityDomainSettings(Section):
    """The identity domain that admits callers."""

    url: str = ""
    scope: str = ""
    audience: str = ""
    client_id: str = ""
    """The confidential application that signs people in; for `identity_domain_session` alone."""
    client_secret_id: SecretId | Literal[""] = ""
    """OCID of the secret of OCI Vault that holds its client secret."""

    @field_validator("url")
    @classmethod
    def _address(cls, given: str) -> str:
        if given and not given.startswith("https://"):
            raise ValueError("copy the domain's URL from the console: it starts with `https://idcs-`")
        return given.rstrip("/")


class ScalingSettings(Section):
    """How many replicas run."""

    min_replicas: int = Field(1, ge=0, le=1000)
    """Kept running, and paid for, when nobody asks; 0: the first question waits for a start."""
    max_replicas: int = Field(1, ge=1, le=1000)
    metric: ScalingMetric = "concurrency"
    target: int = Field(8, ge=1)
    """What a replica carries before another one starts: percent of CPU or memory, or requests at a time or a second.

    8 is `server.max_running`, so that another replica starts when runs would have to wait.
    """

    @model_validator(mode="after")
    def _fits(self) -> ScalingSettings:
        if self.min_replicas > self.max_replicas:
            raise ValueError("`min_replicas` is more than `max_replicas`")
        if self.metric in ("cpu", "memory") and self.target > 100:
            raise ValueError(f"`target` is a percentage for `{self.metric}`: at most 100")
        return self


class NetworkSettings(Section):
    """Ways in and out. Nothing here can be changed without making the application anew."""

    private_endpoint_id: Annotated[str, ocid("[a-z]+")] | Literal[""] = ""
    """Callers come through this private endpoint; empty: from the internet."""
    subnet_id: Annotated[str, ocid("subnet")] | Literal[""] = ""
    """The application reaches others through this subnet; empty: through the internet, by Oracle's network."""
    nsg_ids: tuple[Annotated[str, ocid("networksecuritygroup")], ...] = ()

    @model_validator(mode="after")
    def _groups_need_a_subnet(self) -> NetworkSettings:
        if self.nsg_ids and not self.subnet_id:
            raise ValueError("`nsg_ids` are of a subnet: set `subnet_id`")
        return self


class StorageSettings(Section):
    """Storage that the service manages; the container finds its connection in a variable."""

    variable: Variable
    type: StorageType | None = None
    """What to make."""
    id: Annotated[str, ocid("[a-z]+")] | Literal[""] = ""
    """Storage that there is already, in place of `type`. It is neither changed nor deleted."""

    @model_validator(mode="after")
    def _one(self) -> StorageSettings:
        if (self.type is None) == (not self.id):
            raise ValueError("give `type`, to make it, or `id`, to use what there is")
        return self
