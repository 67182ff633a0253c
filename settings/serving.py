"""The settings of the HTTP API and the MCP server."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from settings.housekeeping import HousekeepingSettings


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric algorithms only: with a shared secret, everyone who can verify tokens can also forge them."""


class OIDCSettings(_Section):
    """Bearer tokens of an OpenID Connect issuer, such as a domain of OCI IAM."""

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    """Address of the issuer's keys; empty: taken from its discovery document."""
    algorithms: tuple[Algorithm, ...] = Field(("RS256", "ES256"), min_length=1)
    leeway_seconds: int = Field(60, ge=0, le=600)
    subject_claim: str = "sub"
    tenant_claim: str = "tenant"
    """Empty: every token belongs to `tenant`."""
    tenant: str = "local"
    roles_claim: str = "roles"
    role_names: dict[str, str] = Field(default_factory=dict)
    """The issuer's name for each of our roles: `ask`, `ingest`, `delete`, `cost`, `admin`."""
    audiences_claim: str = "groups"
    """The claim that lists the bearer's audiences."""
    client_id: str = ""
    """The client as which the page signs people in at the issuer; empty: the page offers no such sign-in."""
    client_secret: SecretStr = SecretStr("")
    """Its secret; empty for a public client, which PKCE alone protects."""
    scopes: str = "openid"
    """What the page asks for at the sign-in, separated by spaces."""
    sign_in_token: Literal["access_token", "id_token"] = "access_token"  # noqa: S105 - the name of a kind, no secret
    """Which token of the answer is the person's; its audience must be `audience`."""


class ServerSettings(_Section):
    """The HTTP API and the MCP server."""

    log_format: Literal["text", "json"] = "text"
    """How a server writes its log lines."""
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    auth: Literal["keys", "oidc", "both", "off"] = "keys"
    """`off` is accepted on a loopback address only."""
    oidc: OIDCSettings = OIDCSettings()
    failed_logins_per_address: int = Field(20, ge=1)
    """Failed log-ins from an address after which the next ones have to wait, longer each time."""
    failed_logins_per_key: int = Field(10, ge=1)
    """The same for an API key, from all addresses."""
    hosts: tuple[str, ...] = ()
    """Further host names of the MCP server, besides `host`. Other names are rejected: DNS rebinding by a web page."""
    max_body_bytes: int = Field(2 * 1024 * 1024, ge=1024)
    max_upload_bytes: int = Field(50 * 1024 * 1024, ge=1024)
    max_running: int = Field(8, ge=1)
    """Maximum number of concurrent runs."""
    max_waiting: int = Field(16, ge=0)
    """Maximum number of waiting runs; a further request gets 429."""
    runs_per_second: int | None = Field(None, ge=1)
    principal_max_runs: int | None = Field(None, ge=1)
    """Maximum number of active and waiting runs of one principal."""
    principal_requests_per_minute: int | None = Field(None, ge=1)
    request_timeout_seconds: float = Field(15.0, gt=0)
    """Time that a client has to send its request."""
    unwatched_run_seconds: float = Field(60.0, gt=0)
    """Time that a run goes on after the last HTTP client that waited for it has left; infinite: to its end."""
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    """The chores of chat front ends, which are answered without a run."""
    drain_seconds: float = Field(30.0, ge=0)
    """Time that runs have to finish when the server shuts down."""
    page: bool = True
    """Whether `sixplane serve` also serves the page for people at `/`."""
    public_url: str = Field("", pattern=r"^(https?://[^/\s]+)?$")
    """Where browsers reach the server, such as `https://ask.example.com`; empty: where a request was sent to."""
    session_key: SecretStr = SecretStr("")
    """Seals the cookies of the page; the same for all processes. Empty: a key in the home folder."""
    session_hours: float = Field(12.0, gt=0, le=24 * 365)
    """How long a sign-in on the page lasts, unless its key or token expires before."""
