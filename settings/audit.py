"""The settings of the audit trail. They stand apart from the tree, which has reached its size."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class AuditSettings(BaseModel):
    """The audit trail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    path: Path | None = None
    """The file; `None`: `audit.jsonl` in the home folder."""
    retention_days: int | None = Field(None, ge=1)
    """Days that lines are kept; `None`: for ever."""
    bundle_key: Path | None = None
    """The Ed25519 key, in PEM, with which evidence bundles are signed; `None`: they are not."""
    log_id: str = ""
    """OCID of a custom log of OCI Logging, which gets a copy of each line."""
