"""The settings tree. Precedence: arguments, `SIXPLANE_…` environment, `sixplane.toml`, defaults.

Nested settings are separated by two underscores: `SIXPLANE_OPENAI__BASE_URL`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from state.errors import SettingsInvalid


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(_Section):
    """Which chat models are asked, and how patiently."""

    provider: Literal["extractive", "oci", "openai"] = "extractive"
    default: str = ""
    roles: dict[str, str] = Field(default_factory=dict)
    fallbacks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Models to ask, in this order, when a model id stays unavailable. Each use is an event of the report."""
    timeout_seconds: float = Field(120.0, gt=0)
    """For one attempt of a call."""
    deadline_seconds: float = Field(240.0, gt=0)
    """For a call with all its attempts and waits."""
    max_attempts: int = Field(5, ge=1, le=10)
    prices_micro_usd: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Price of a model id, of its input and of its output: micro-dollars per the unit that the catalogue names."""


class OpenAISettings(_Section):
    """Any endpoint that speaks OpenAI's chat completions."""

    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    context_tokens: int = Field(8192, ge=512)


class OCISettings(_Section):
    """The tenancy, and which of its services are used. `config_file` and `profile` default to the SDK's."""

    auth: Literal["api_key", "security_token", "instance_principal", "resource_principal", "oke_workload_identity"] = (
        "api_key"
    )
    config_file: Path | None = None
    profile: str = ""
    region: str = ""
    compartment_id: str = ""
    endpoint: str = ""
    """Endpoint of Generative AI inference, for private endpoints and tests; else the region's."""
    endpoint_formats: dict[str, Literal["COHERE", "COHEREV2", "GENERIC"]] = Field(default_factory=dict)
    """Chat format of a dedicated endpoint by its OCID; GENERIC where it is not named."""
    connect_timeout_seconds: float = Field(10.0, gt=0)
    read_timeout_seconds: float = Field(60.0, gt=0)
    embedding_model: str = "cohere.embed-v4.0"
    embedding_dimensions: Literal[256, 512, 1024, 1536] | None = None
    rerank_model: str = ""
    guardrails: bool = True
    guardrail_version: str = "1.0.1"
    guardrail_language: str = "en"
    guardrail_pii: tuple[str, ...] = ("EMAIL", "TELEPHONE_NUMBER")
    """Personal data to find. The service knows PERSON and ADDRESS too: they would be masked out of every report."""
    log_id: str = ""
    topic_id: str = ""
    metrics_namespace: str = ""
    logging_endpoint: str = ""
    monitoring_endpoint: str = ""
    notifications_endpoint: str = ""
    vault_endpoint: str = ""
    apm_endpoint: str = ""
    """Data upload endpoint of the APM domain."""
    apm_data_key: SecretStr = SecretStr("")
    """The APM domain's private data key."""


class OracleSettings(_Section):
    """Oracle Database 23ai or later."""

    dsn: str = ""
    """EZConnect string, full descriptor, or TNS alias."""
    user: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    password_secret_id: str = ""
    """OCID of a secret of OCI Vault."""
    config_dir: Path | None = None
    """Folder of `tnsnames.ora`."""
    wallet_location: Path | None = None
    wallet_password: SecretStr = SecretStr("")
    pool_min: int = Field(1, ge=0, le=100)
    pool_max: int = Field(8, ge=1, le=1000)
    connect_timeout_seconds: float = Field(10.0, gt=0)
    acquire_timeout_seconds: float = Field(10.0, gt=0)
    call_timeout_seconds: float = Field(60.0, gt=0)
    statement_cache: int = Field(50, ge=0)
    table_prefix: str = "SIXPLANE"
    vector_index: Literal["none", "hnsw", "ivf"] = "hnsw"
    embedding_model: str = ""
    """An ONNX model in the database, for `data.embeddings = "database"`."""
    target_accuracy: int = Field(95, ge=50, le=100)
    """Percent of exact search that an approximate one has to reach."""


class LimitSettings(_Section):
    """Requests and characters per minute, for each model of `providers`, within this process."""

    preset: Literal["free", "standard", "enterprise", "none"] = "standard"
    requests_per_minute: int | None = Field(None, ge=1)
    characters_per_minute: int | None = Field(None, ge=1)
    providers: tuple[str, ...] = ("oci",)

    def per_minute(self, provider: str) -> tuple[int | None, int | None]:
        """Return requests and characters per minute of `provider`, `None` for no limit."""
        if provider not in self.providers:
            return None, None
        requests, characters = LIMIT_PRESETS[self.preset]
        return self.requests_per_minute or requests, self.characters_per_minute or characters


LIMIT_PRESETS: dict[str, tuple[int | None, int | None]] = {
    "free": (60, 100_000),
    "standard": (600, 1_000_000),
    "enterprise": (6_000, 10_000_000),
    "none": (None, None),
}
"""Requests and characters per minute. OCI throttles dynamically and publishes no figures: these are ours."""


class BudgetSettings(_Section):
    """Hard limits in micro-dollars, none where `None`; `sixplane budget set` goes before `tenant` and `month`."""

    run_micro_usd: int | None = Field(None, ge=1)
    tenant_micro_usd: int | None = Field(None, ge=1)
    month_micro_usd: int | None = Field(None, ge=1)
    soft_percent: int = Field(80, ge=1, le=100)
    """From this share of a hard limit on, a run starts no new round and no revision."""


class DataSettings(_Section):
    """Where documents are kept."""

    backend: Literal["embedded", "oracle"] = "embedded"
    embeddings: Literal["local", "oci", "database"] = "local"
    chunk_chars: int = Field(1000, ge=100, le=20_000)
    chunk_overlap: int = Field(0, ge=0, le=1000)
    max_file_bytes: int = Field(100 * 1024 * 1024, ge=1)
    embedding_model_path: Path | None = None
    lock_timeout_seconds: float = Field(2.0, ge=0)


class RetrievalSettings(_Section):
    """How many passages are retrieved where a caller does not say it."""

    hits: int = Field(10, ge=1, le=50)
    """Passages that a search of a corpus returns."""
    passages_per_sub_question: int = Field(8, ge=1, le=50)
    """Passages that a run retrieves for each sub-question."""
    # 8 is a measured value: the thresholds of abstention were calibrated with 8 passages per sub-question
    # (benchmarks/abstention_calibration.py). Calibrate again before changing it. 10 hits is a choice: one screen.


class PolicySettings(_Section):
    """What may pass."""

    max_question_chars: int = Field(8_000, ge=1)
    deny: tuple[str, ...] = ()
    pii_action: Literal["redact", "refuse", "allow"] = "redact"
    pii_entities: tuple[str, ...] = (
        "CREDIT_CARD",
        "CRYPTO",
        "EMAIL_ADDRESS",
        "IBAN_CODE",
        "IP_ADDRESS",
        "PHONE_NUMBER",
        "US_SSN",
    )
    timeout_seconds: float = Field(10.0, gt=0)
    dangerously_allow_when_guard_unavailable: bool = False


class TelemetrySettings(_Section):
    """What is seen."""

    jsonl: bool = True
    capture_content: bool = False


class RunSettings(_Section):
    """Bounds of a run that no caller chooses."""

    node_timeout_seconds: float = Field(300.0, gt=0)
    lease_seconds: float = Field(60.0, gt=1)
    recursion_limit: int = Field(100, ge=20)
    max_concurrency: int = Field(8, ge=1)


class OIDCSettings(_Section):
    """Bearer tokens of an OpenID Connect issuer, such as a domain of OCI IAM."""

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    """Where its keys are; discovered from the issuer where empty."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    leeway_seconds: int = Field(60, ge=0, le=600)
    subject_claim: str = "sub"
    tenant_claim: str = "tenant"
    """Empty where every token is of `tenant`."""
    tenant: str = "local"
    roles_claim: str = "roles"
    role_names: dict[str, str] = Field(default_factory=dict)
    """What the issuer calls our roles, by ours: `ask`, `ingest`, `delete`, `cost`, `admin`."""
    audiences_claim: str = "groups"
    """Which guarded passages the bearer sees."""


class ServerSettings(_Section):
    """The HTTP API and the MCP server."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    auth: Literal["keys", "oidc", "both", "off"] = "keys"
    """`off` is taken only on loopback."""
    oidc: OIDCSettings = OIDCSettings()
    hosts: tuple[str, ...] = ()
    """Names under which clients reach the MCP server, besides `host`: others may be a web page's trick."""
    max_body_bytes: int = Field(2 * 1024 * 1024, ge=1024)
    max_upload_bytes: int = Field(50 * 1024 * 1024, ge=1024)
    max_running: int = Field(8, ge=1)
    """Runs at a time."""
    max_waiting: int = Field(16, ge=0)
    """Runs that may wait for their turn; a further one gets 429."""
    runs_per_second: int | None = Field(None, ge=1)
    request_timeout_seconds: float = Field(15.0, gt=0)
    """For a client to send its request."""
    drain_seconds: float = Field(30.0, ge=0)
    """For runs to end when the server is told to."""


class Settings(BaseSettings):
    """The whole tree, frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SIXPLANE_", env_nested_delimiter="__", toml_file="sixplane.toml", frozen=True, extra="forbid"
    )

    profile: Literal["embedded", "oracle"] = "embedded"
    home: Path = Path(".sixplane")
    models: ModelSettings = ModelSettings()
    openai: OpenAISettings = OpenAISettings()
    oci: OCISettings = OCISettings()
    oracle: OracleSettings = OracleSettings()
    limits: LimitSettings = LimitSettings()
    budgets: BudgetSettings = BudgetSettings()
    data: DataSettings = DataSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    policy: PolicySettings = PolicySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    run: RunSettings = RunSettings()
    server: ServerSettings = ServerSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the interface)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of this process; `overrides` go before everything else.

    Raises:
        SettingsInvalid: a value does not fit, or a profile lacks what it needs.
    """
    try:
        settings = Settings(**overrides)
    except (ValidationError, ValueError) as error:
        raise SettingsInvalid(
            f"the settings do not fit: {_faults(error)}", hint="see `sixplane.example.toml`"
        ) from error
    settings = _preset(settings)
    if settings.models.provider == "openai" and not settings.models.default:
        raise SettingsInvalid(
            "the provider `openai` needs a default model",
            hint="set SIXPLANE_MODELS__DEFAULT=openai:NAME and SIXPLANE_OPENAI__BASE_URL",
        )
    if settings.data.embeddings == "database" and settings.data.backend != "oracle":
        raise SettingsInvalid(
            "embeddings made in the database need the corpora there", hint="set SIXPLANE_DATA__BACKEND=oracle"
        )
    return settings


def _preset(settings: Settings) -> Settings:
    """Return `settings` with what the profile presets, where nothing else is said: models, data and embeddings."""
    if settings.profile == "embedded":
        return settings
    models, data = settings.models, settings.data
    if "provider" not in models.model_fields_set:
        models = models.model_copy(update={"provider": "oci"})
    unset = {"backend": "oracle", "embeddings": "oci"}
    data = data.model_copy(update={name: value for name, value in unset.items() if name not in data.model_fields_set})
    return settings.model_copy(update={"models": models, "data": data})


def uses_oci(settings: Settings) -> bool:
    """Whether anything of `settings` needs an OCI session."""
    oci = settings.oci
    sinks = oci.log_id or oci.topic_id or oci.metrics_namespace
    return settings.models.provider == "oci" or settings.data.embeddings == "oci" or bool(oci.rerank_model or sinks)


def standard_oci_file(settings: Settings) -> tuple[Path, str]:
    """Return the OCI configuration file and profile: ours, else the SDK's own variables, else its defaults."""
    chosen = settings.oci.config_file or os.environ.get("OCI_CONFIG_FILE") or "~/.oci/config"
    profile = settings.oci.profile or os.environ.get("OCI_CONFIG_PROFILE") or "DEFAULT"
    return Path(chosen).expanduser(), profile


def standard_compartment(settings: Settings) -> str:
    """Return the compartment: ours, else `OCI_COMPARTMENT_ID`."""
    return settings.oci.compartment_id or os.environ.get("OCI_COMPARTMENT_ID", "")


def standard_ca_bundle() -> str | None:
    """Return the file of certificate authorities that `requests` and the SDK's synchronous clients honour."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or None


def otlp_endpoint_configured() -> bool:
    """Whether a standard `OTEL_EXPORTER_OTLP_*ENDPOINT` variable is set."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "TRACES_"))


def otlp_metrics_endpoint_configured() -> bool:
    """Whether a standard variable names an OTLP endpoint that metrics go to."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "METRICS_"))


def _faults(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
