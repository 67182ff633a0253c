"""The settings of the guards."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from settings.personal_data import PersonalDataSettings

_MOVED = {"pii_action": "personal_data.default", "pii_entities": "personal_data.entities"}


class PolicySettings(BaseModel):
    """The guards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9._+-]{0,63})?$")
    """Its owner's name for this policy. Required in a policy file."""
    description: str = Field("", max_length=1000)
    max_question_chars: int = Field(8_000, ge=1)
    deny: tuple[str, ...] = ()
    personal_data: PersonalDataSettings = PersonalDataSettings()
    redact_ocids: bool = False
    injection_kinds: tuple[Literal["prompt_injection", "off_topic_request"], ...] = (
        "prompt_injection",
        "off_topic_request",
    )
    injection_flag_above: float = Field(0.5, ge=0, le=1)
    injection_drop_evidence_above: float = Field(0.95, ge=0, le=1)
    injection_refuse_question_above: float = Field(0.95, ge=0, le=1)
    timeout_seconds: float = Field(10.0, gt=0, le=3600)
    dangerously_allow_when_guard_unavailable: bool = False

    @model_validator(mode="before")
    @classmethod
    def _refuse_old_names(cls, given: Any) -> Any:
        if isinstance(given, dict) and (old := sorted(set(_MOVED) & set(given))):
            raise ValueError(", ".join(f"`{name}` is now `policy.{_MOVED[name]}`" for name in old))
        return given
