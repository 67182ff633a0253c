"""A stack: the table `[deploy.NAME]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, StringConstraints, model_validator

from settings.deploying.parts import (
    IdentityDomainSettings,
    NetworkSettings,
    ScalingSettings,
    SecretId,
    Section,
    StackName,
    StorageSettings,
    Variable,
)

StackAuth = Literal["identity_domain", "identity_domain_session", "iam", "none"]
"""Who may call the application:

- `identity_domain`: whoever has a token of an identity domain.
- `identity_domain_session`: people whom an identity domain signs in, in a browser.
- `iam`: whoever signs requests with OCI IAM and has the policy.
- `none`: everybody; Sixplane's own keys or tokens decide.
"""


class StackSettings(Section):
    """A hosted application of OCI Generative AI, with one deployment of an image."""

    image: str = ""
    """In OCI's registry, with its tag: `phx.ocir.io/NAMESPACE/sixplane:0.1.0`."""
    scan_required: bool = False
    """Whether the image becomes active only with a report of OCI's Vulnerability Scanning."""
    name: StackName | Literal[""] = ""
    """What the console shows; empty: `sixplane-` and the name of the stack."""
    owner: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "sixplane"
    """Stands in the tags. Two owners can each have a stack of the same name in one compartment."""
    compartment_id: str = ""
    """Empty: `oci.compartment_id`."""
    profile: Literal["embedded", "oracle"] = "oracle"
    auth: StackAuth = "identity_domain"
    identity_domain: IdentityDomainSettings = IdentityDomainSettings()
    public_paths: tuple[str, ...] = ("/health", "/ready")
    """Paths for which the platform asks for no token; not for `iam`, which has no such list."""
    environment: dict[Variable, str] = Field(default_factory=dict)
    """Variables of the container. They can be read in the console: no secrets."""
    secrets: dict[Variable, SecretId] = Field(default_factory=dict)
    """Variables whose values come from OCI Vault, with the OCIDs of the secrets."""
    scaling: ScalingSettings = ScalingSettings()
    network: NetworkSettings = NetworkSettings()
    storage: dict[StackName, StorageSettings] = Field(default_factory=dict)
    wait_minutes: float = Field(45.0, gt=0, le=1440)
    """How long `apply` and `destroy` wait for OCI at most. What runs then goes on, and the next call takes it up."""
    replica_hour_micro_usd: NonNegativeInt | None = None
    """What an hour of a replica costs in your contract, in micro-dollars; without it, `plan` can name no sum."""
    replica_price_source: str = ""
    """Where that price comes from, and its date: `plan` shows it beside the sum."""

    @model_validator(mode="after")
    def _variables_once(self) -> StackSettings:
        names = [*self.environment, *self.secrets, *(each.variable for each in self.storage.values())]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the variable `{twice[0]}` is given twice")
        return self

    @model_validator(mode="after")
    def _admits(self) -> StackSettings:
        domain = self.identity_domain
        if self.auth == "identity_domain_session" and not (domain.client_id and domain.client_secret_id):
            raise ValueError("`identity_domain_session` needs `identity_domain.client_id` and `client_secret_id`")
        if self.auth == "identity_domain" and (domain.client_id or domain.client_secret_id):
            raise ValueError("`client_id` and `client_secret_id` are of `identity_domain_session` alone")
        if self.auth in ("iam", "none") and domain != IdentityDomainSettings():
            raise ValueError(f"`identity_domain` does not go with the authentication `{self.auth}`")
        return self
