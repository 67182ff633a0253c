"""The settings of the guard of personal data: what it looks for, and what happens to what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PersonalDataKind = Literal[
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "LOCATION",
    "PERSON",
    "PHONE_NUMBER",
    "STREET_ADDRESS",
    "US_SSN",
]
PersonalDataAction = Literal["allow", "redact", "refuse"]
StageName = Literal["question", "evidence", "answer"]
KINDS: tuple[PersonalDataKind, ...] = get_args(PersonalDataKind)
NAMES: frozenset[PersonalDataKind] = frozenset({"LOCATION", "PERSON"})
"""Kinds that a model finds, allowed unless `entities` names them: else a report could name nobody and no place."""
PATTERNS: tuple[PersonalDataKind, ...] = tuple(kind for kind in KINDS if kind not in NAMES)

_STAGES: tuple[StageName, ...] = get_args(StageName)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Stages(_Section):
    @model_validator(mode="before")
    @classmethod
    def _same_everywhere(cls, given: Any) -> Any:
        if isinstance(given, str):
            return dict.fromkeys(_STAGES, given)
        if isinstance(given, dict) and (unknown := sorted(set(given) - set(_STAGES))):
            raise ValueError(f"no stage is named {', '.join(map(repr, unknown))}: choose from {', '.join(_STAGES)}")
        return given


class DefaultActions(_Stages):
    """What happens to personal data at each stage. One word stands for all three stages."""

    question: PersonalDataAction = "redact"
    evidence: PersonalDataAction = "allow"
    """Evidence is the user's own document, and the answer that quotes it is screened."""
    answer: PersonalDataAction = "redact"


class KindActions(_Stages):
    """What happens to one kind, where it differs from the default."""

    question: PersonalDataAction | None = None
    evidence: PersonalDataAction | None = None
    answer: PersonalDataAction | None = None


class PersonalDataSettings(_Section):
    """What the guard of personal data looks for. A kind that is allowed at a stage is not looked for there."""

    default: DefaultActions = DefaultActions()
    """What happens to every kind but names, which are allowed."""
    entities: dict[PersonalDataKind, KindActions] = Field(default_factory=dict)
    phone_regions: tuple[str, ...] = ("US", "GB", "DE", "FR", "ES", "IT", "AT", "CH", "NL", "IN", "BR", "AU")
    """Two-letter codes of the countries whose national telephone numbers are found without a word beside them."""

    names_model: Path | None = None
    """Folder of a model for token classification that finds names; empty: the one of the installed package."""

    @field_validator("entities", mode="before")
    @classmethod
    def _upper_case(cls, given: Any) -> Any:
        # Names of environment variables arrive in lower case.
        return {str(kind).upper(): actions for kind, actions in given.items()} if isinstance(given, dict) else given

    @field_validator("names_model", mode="before")
    @classmethod
    def _path(cls, given: Any) -> Any:
        # Policy files are read strictly, and TOML has no paths.
        return Path(given) if isinstance(given, str) else given

    def action(self, kind: PersonalDataKind, stage: StageName) -> PersonalDataAction:
        """Return what happens to `kind` at `stage`."""
        own = self.entities.get(kind)
        chosen: PersonalDataAction | None = getattr(own, stage) if own else None
        return chosen or ("allow" if kind in NAMES else self.default_action(stage))

    def default_action(self, stage: StageName) -> PersonalDataAction:
        """Return what happens at `stage` to a kind without an action of its own."""
        action: PersonalDataAction = getattr(self.default, stage)
        return action
