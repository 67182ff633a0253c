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
    timeout_seconds: float = Field(120.0, gt=0)
    max_attempts: int = Field(3, ge=1, le=10)
    prices_micro_usd: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Price of a model id: micro-dollars per million input tokens, per million output tokens."""


class OpenAISettings(_Section):
    """Any endpoint that speaks OpenAI's chat completions."""

    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    context_tokens: int = Field(8192, ge=512)


class DataSettings(_Section):
    """Where documents are kept."""

    backend: Literal["embedded", "oracle"] = "embedded"
    chunk_chars: int = Field(1000, ge=100, le=20_000)
    chunk_overlap: int = Field(0, ge=0, le=1000)
    max_file_bytes: int = Field(100 * 1024 * 1024, ge=1)
    embedding_model_path: Path | None = None
    lock_timeout_seconds: float = Field(2.0, ge=0)


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


class Settings(BaseSettings):
    """The whole tree, frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SIXPLANE_", env_nested_delimiter="__", toml_file="sixplane.toml", frozen=True, extra="forbid"
    )

    profile: Literal["embedded", "oracle"] = "embedded"
    home: Path = Path(".sixplane")
    models: ModelSettings = ModelSettings()
    openai: OpenAISettings = OpenAISettings()
    data: DataSettings = DataSettings()
    policy: PolicySettings = PolicySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    run: RunSettings = RunSettings()

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
    if settings.profile == "oracle" or settings.data.backend == "oracle" or settings.models.provider == "oci":
        raise SettingsInvalid(
            "the oracle profile is not part of this version",
            hint="unset SIXPLANE_PROFILE, SIXPLANE_DATA__BACKEND and SIXPLANE_MODELS__PROVIDER",
        )
    if settings.models.provider == "openai" and not settings.models.default:
        raise SettingsInvalid(
            "the provider `openai` needs a default model",
            hint="set SIXPLANE_MODELS__DEFAULT=openai:NAME and SIXPLANE_OPENAI__BASE_URL",
        )
    return settings


def otlp_endpoint_configured() -> bool:
    """Whether a standard `OTEL_EXPORTER_OTLP_*ENDPOINT` variable is set."""
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("", "TRACES_"))


def _faults(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
