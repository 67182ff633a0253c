"""The settings of the guards."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PolicySettings(BaseModel):
    """The guards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    redact_ocids: bool = False
    injection_kinds: tuple[Literal["prompt_injection", "off_topic_request"], ...] = (
        "prompt_injection",
        "off_topic_request",
    )
    injection_flag_above: float = Field(0.5, ge=0, le=1)
    injection_drop_evidence_above: float = Field(0.95, ge=0, le=1)
    injection_refuse_question_above: float = Field(0.95, ge=0, le=1)
    timeout_seconds: float = Field(10.0, gt=0)
    dangerously_allow_when_guard_unavailable: bool = False
