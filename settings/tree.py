"""The settings tree. Precedence: arguments, `SIXPLANE_…` environment, `sixplane.toml`, defaults.

In the environment, two underscores separate the parts of a nested setting: `SIXPLANE_OPENAI__BASE_URL`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from settings.audit import AuditSettings
from settings.declared import DeclaredModel
from settings.deploying import StackName, StackSettings
from settings.faults import faults_of
from settings.oci_compatible import DeploymentSettings, OCIOpenAISettings
from settings.oracle import OracleSettings
from settings.policy import PolicySettings
from settings.policy_file import load_policy
from settings.reading import OcrSettings, ReadingLimits, RemoteSettings
from settings.retention import RetentionSettings
from settings.searching import RetrievalSettings
from settings.serving import ServerSettings
from settings.sources import SourceName, SourceSettings
from state.access import Labels, labels_of
from state.errors import BadInput, SettingsInvalid


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(_Section):
    """Chat models, and timeouts and retries of their calls."""

    provider: Literal["extractive", "oci", "oci-openai", "openai"] = "extractive"
    default: str = ""
    roles: dict[str, str] = Field(default_factory=dict)
    fallbacks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """For a model id, the models to try in this order when it is unavailable or takes less than the prompt.

    The report lists each use as an event.
    """
    timeout_seconds: float = Field(120.0, gt=0)
    """Limit for one attempt of a call."""
    deadline_seconds: float = Field(240.0, gt=0)
    """Limit for a call including all attempts and waits. Must exceed `timeout_seconds`, or no retry is possible."""
    max_attempts: int = Field(5, ge=1, le=10)
    prices_micro_usd: dict[str, tuple[NonNegativeInt, NonNegativeInt]] = Field(default_factory=dict)
    """Prices of a model id, for input and output, in micro-dollars per the unit that the catalogue names."""
    declared: dict[str, DeclaredModel] = Field(default_factory=dict)
    """Models that the catalogue does not have, or has otherwise, by the id that is sent."""
    cassettes: Path = Path("tests/cassettes")
    """Folder of the cassettes for `cassette:NAME`, relative to the working folder."""


class OpenAISettings(_Section):
    """An endpoint with the API of OpenAI's chat completions."""

    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    context_tokens: int = Field(8192, ge=512)


class OCISettings(_Section):
    """The tenancy and its services. `config_file` and `profile` default to those of the SDK."""

    auth: Literal["api_key", "security_token", "instance_principal", "resource_principal", "oke_workload_identity"] = (
        "api_key"
    )
    config_file: Path | None = None
    profile: str = ""
    region: str = ""
    compartment_id: str = ""
    endpoint: str = ""
    """Endpoint of Generative AI inference, for private endpoints and tests; empty: the endpoint of the region."""
    management_endpoint: str = ""
    """Endpoint of Generative AI's management API (models, hosted applications); empty: that of the region."""
    agents_endpoint: str = ""
    """Endpoint of Generative AI Agents; empty: that of the region."""
    endpoint_formats: dict[str, Literal["COHERE", "COHEREV2", "GENERIC"]] = Field(default_factory=dict)
    """Chat format of a dedicated endpoint, by OCID; the default is GENERIC."""
    openai: OCIOpenAISettings = OCIOpenAISettings()
    deployments: dict[str, DeploymentSettings] = Field(default_factory=dict)
    """Model deployments of OCI Data Science, by the NAME in `oci-deployment:NAME`."""
    connect_timeout_seconds: float = Field(10.0, gt=0)
    read_timeout_seconds: float = Field(60.0, gt=0)
    embedding_model: str = "cohere.embed-v4.0"
    embedding_dimensions: Literal[256, 512, 1024, 1536] | None = None
    rerank_model: str = ""
    guardrails: bool = True
    guardrail_version: str = "1.0.1"
    guardrail_language: str = "en"
    guardrail_pii: tuple[str, ...] = ("EMAIL", "TELEPHONE_NUMBER")
    """Kinds of personal data to find, also PERSON and ADDRESS. What happens to each: `policy.personal_data`."""
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


class LimitSettings(_Section):
    """Limits per minute for each model of `providers`. They apply to this process alone."""

    preset: Literal["free", "standard", "enterprise", "none"] = "standard"
    requests_per_minute: int | None = Field(None, ge=1)
    characters_per_minute: int | None = Field(None, ge=1)
    providers: tuple[str, ...] = ("oci", "oci-openai", "oci-deployment")

    def per_minute(self, provider: str) -> tuple[int | None, int | None]:
        """Return the limits of `provider`, requests and characters per minute; `None` means no limit."""
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
"""Requests and characters per minute. Chosen values: OCI throttles dynamically and publishes no figures."""


class BudgetSettings(_Section):
    """Hard limits in micro-dollars; `None` means no limit. `sixplane budget set` overrides tenant and month."""

    run_micro_usd: int | None = Field(None, ge=1)
    tenant_micro_usd: int | None = Field(None, ge=1)
    month_micro_usd: int | None = Field(None, ge=1)
    principal_month_micro_usd: int | None = Field(None, ge=1)
    """Limit for each principal in a month. While it is not set, spending is not counted by principal."""
    soft_percent: int = Field(80, ge=1, le=100)
    """Soft limit, in percent of a hard limit: above it, a run starts no further round and no revision."""


class DataSettings(_Section):
    """Storage and preparation of documents."""

    backend: Literal["embedded", "oracle"] = "embedded"
    embeddings: Literal["local", "oci", "database"] = "local"
    chunk_chars: int = Field(1000, ge=100, le=20_000)
    chunk_overlap: int = Field(0, ge=0, le=1000)
    max_file_bytes: int = Field(100 * 1024 * 1024, ge=1)
    limits: ReadingLimits = ReadingLimits()
    ocr: OcrSettings = OcrSettings()
    remote: RemoteSettings = RemoteSettings()
    encoding: str | None = None
    """The encoding of text files that have no byte order mark and are not UTF-8; without it, it is guessed."""
    comments: bool = False
    """Whether the comments of DOCX files become part of their text."""
    audiences: dict[Path, Labels] = Field(default_factory=dict)
    """The access label of files without their own, by folder; of nested folders, the inner one counts."""
    embedding_model_path: Path | None = None
    vector_numbers: Literal["f32", "f16", "i8"] = "f16"
    """How the embedded vector index holds a number: in 4, 2 or 1 bytes. An index of another kind is made anew by the
    next write. With `i8`, a search reads the vectors of the first hundred from the database for their exact order."""
    index_memory_mb: int = Field(256, ge=16, le=1_000_000)
    """The MiB that a part of the embedded vector index takes at most, in memory while it is built. A larger corpus has
    several parts, each of which a search looks through. The process itself takes some 200 MiB more."""
    trust_file_times: bool = True
    """Whether a file with the size, times and inode of its last ingestion is taken for unchanged. Without, its bytes
    are compared."""
    compiled_models_path: Path | None = None
    """Folder in which compiled models are kept; without it, `sixplane/models` in the cache folder of the user."""
    lock_timeout_seconds: float = Field(2.0, ge=0)

    @field_validator("encoding")
    @classmethod
    def _known(cls, given: str | None) -> str | None:
        try:
            b"a".decode(given or "utf-8")  # nothing is looked up for no bytes
        except (LookupError, ValueError):
            raise ValueError("no such encoding; name one like cp1251, gb18030, shift_jis or iso8859-2") from None
        return given

    @field_validator("audiences", mode="before")
    @classmethod
    def _labels(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        try:
            labels = {folder: labels_of(label) for folder, label in given.items()}
        except BadInput as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
        if None in labels.values():
            raise ValueError("a folder has no label; remove it, or write '*' for the whole tenant")
        return labels


class TelemetrySettings(_Section):
    """Traces."""

    jsonl: bool = True
    capture_content: bool = False
    max_file_bytes: int = Field(16 * 1024 * 1024, ge=4096)
    """Size of a trace file after which the next one begins."""
    max_bytes: int = Field(256 * 1024 * 1024, ge=8192)
    """Size of all trace files together; beyond it, the oldest are deleted."""


class RunSettings(_Section):
    """Limits of a run that callers cannot change."""

    node_timeout_seconds: float = Field(300.0, gt=0)
    lease_seconds: float = Field(60.0, gt=1)
    """A thread's lease, renewed while its run lives. A killed run blocks its thread for at most this long."""
    review: bool = True
    """Whether the reviewer reads each draft. Without it, a draft goes out as the verifier leaves it, unrevised."""
    recursion_limit: int = Field(100, ge=20)
    """Last defence against endless loops: LangGraph's own default is 10,007 steps. Every loop has its own cap."""
    max_concurrency: int = Field(8, ge=1)
    recover: bool = False
    """Whether a server takes up the runs of processes that died, those of the command line among them."""


class Settings(BaseSettings):
    """The whole tree of settings."""

    model_config = SettingsConfigDict(
        env_prefix="SIXPLANE_", env_nested_delimiter="__", toml_file="sixplane.toml", frozen=True, extra="forbid"
    )

    profile: Literal["embedded", "oracle"] = "embedded"
    home: Path = Path(".sixplane")
    policy_file: Path | None = None
    """The file that holds the whole policy; `policy` must then be empty."""
    policy_candidate_file: Path | None = None
    """A policy that is tried beside the one in force: its verdicts are recorded and change nothing."""
    models: ModelSettings = ModelSettings()
    openai: OpenAISettings = OpenAISettings()
    oci: OCISettings = OCISettings()
    oracle: OracleSettings = OracleSettings()
    limits: LimitSettings = LimitSettings()
    budgets: BudgetSettings = BudgetSettings()
    data: DataSettings = DataSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    sources: dict[SourceName, SourceSettings] = Field(default_factory=dict)
    """Managed sources by name."""
    policy: PolicySettings = PolicySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    audit: AuditSettings = AuditSettings()
    run: RunSettings = RunSettings()
    retention: RetentionSettings = RetentionSettings()
    server: ServerSettings = ServerSettings()
    deploy: dict[StackName, StackSettings] = Field(default_factory=dict)
    """The stacks of `sixplane deploy`, by name."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (fixed by pydantic-settings)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


_NEED_DEFAULT = {
    "openai": "openai:NAME and SIXPLANE_OPENAI__BASE_URL",
    "oci-openai": "oci-openai:MODEL, for example oci-openai:openai.gpt-oss-120b",
}
"""Providers for which the catalogue recommends no model, and what to set."""


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of this process; `overrides` take precedence over all sources.

    Raises:
        SettingsInvalid: a value is invalid, or a setting that the profile requires is missing.
    """
    return loaded(Settings, overrides)


def loaded(kind: type[Settings], given: dict[str, Any]) -> Settings:
    """Return the settings of `kind` from `given` and its sources, complete and checked, as `load_settings` does."""
    try:
        settings = kind(**given)
    except (ValidationError, ValueError) as error:
        raise SettingsInvalid(f"invalid settings: {faults_of(error)}", hint="see `sixplane.example.toml`") from error
    settings = _with_policy_file(_preset(settings))
    if settings.models.provider in _NEED_DEFAULT and not settings.models.default:
        raise SettingsInvalid(
            f"the provider `{settings.models.provider}` needs a default model",
            hint=f"set SIXPLANE_MODELS__DEFAULT={_NEED_DEFAULT[settings.models.provider]}",
        )
    if settings.data.embeddings == "database" and settings.data.backend != "oracle":
        raise SettingsInvalid(
            "embeddings in the database require corpora in the database", hint="set SIXPLANE_DATA__BACKEND=oracle"
        )
    return settings


def _preset(settings: Settings) -> Settings:
    """Return `settings` with the profile's presets for models, data and embeddings, unless they are set explicitly."""
    if settings.profile == "embedded":
        return settings
    models, data = settings.models, settings.data
    if "provider" not in models.model_fields_set:
        models = models.model_copy(update={"provider": "oci"})
    unset = {"backend": "oracle", "embeddings": "oci"}
    data = data.model_copy(update={name: value for name, value in unset.items() if name not in data.model_fields_set})
    return settings.model_copy(update={"models": models, "data": data})


def _with_policy_file(settings: Settings) -> Settings:
    """Return `settings` with the policy of `policy_file`, if there is one: it is then the only source of the policy."""
    if settings.policy_file is None:
        return settings
    if also := ", ".join(f"`policy.{name}`" for name in sorted(settings.policy.model_fields_set)):
        raise SettingsInvalid(
            f"the policy stands in two places: `policy_file` is set, and so is {also}",
            hint="move it into the policy file, and remove `[policy]` and SIXPLANE_POLICY__…; or unset `policy_file`",
        )
    return settings.model_copy(update={"policy": load_policy(settings.policy_file)})


def uses_oci(settings: Settings) -> bool:
    """Whether `settings` use any OCI service with the session's signature, so that a session is needed."""
    oci = settings.oci
    sinks = oci.log_id or oci.topic_id or oci.metrics_namespace
    agents = any(source.agent for source in settings.sources.values())
    signed = asks_oci_openai(settings) and not oci.openai.api_key.get_secret_value()
    models = agents or settings.models.provider == "oci" or settings.data.embeddings == "oci" or signed
    return models or bool(oci.rerank_model or sinks or oci.deployments)


def asks_oci_openai(settings: Settings) -> bool:
    """Whether a configured model or source is one of OCI's OpenAI-compatible endpoint."""
    stores = any(source.vector_store for source in settings.sources.values())
    models = any(model.startswith("oci-openai:") for model in named_models(settings))
    return stores or models or settings.models.provider == "oci-openai"


def named_models(settings: Settings) -> set[str]:
    """Return the ids of the chat models that the settings name."""
    models = settings.models
    further = (model for listed in models.fallbacks.values() for model in listed)
    return {model for model in (models.default, *models.roles.values(), *further) if model}


def standard_oci_file(settings: Settings) -> tuple[Path, str]:
    """Return the OCI configuration file and profile: from our settings, else the SDK's variables, else its defaults."""
    chosen = settings.oci.config_file or os.environ.get("OCI_CONFIG_FILE") or "~/.oci/config"
    profile = settings.oci.profile or os.environ.get("OCI_CONFIG_PROFILE") or "DEFAULT"
    return Path(chosen).expanduser(), profile


def standard_compartment(settings: Settings) -> str:
    """Return the compartment from our settings, else from `OCI_COMPARTMENT_ID`."""
    return settings.oci.compartment_id or os.environ.get("OCI_COMPARTMENT_ID", "")


def standard_ca_bundle() -> str | None:
    """Return the certificate bundle that `requests` and the SDK's synchronous clients use."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or None
