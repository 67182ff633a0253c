"""The settings of Oracle Database."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class OracleSettings(BaseModel):
    """Oracle Database 23ai or later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dsn: str = ""
    """EZConnect string, full descriptor or TNS alias."""
    user: str = ""
    """The user of the process, or `user[other]`: logs in as `user`, and acts as `other` (a proxy user)."""
    auth: Literal["password", "token"] = "password"
    """How it logs in. A token is issued by IAM to the identity that the section `oci` configures."""
    token_scope: str = "urn:oracle:db::id::*"  # noqa: S105 - the name of a scope
    """The databases that the token is for: all, or those of a compartment, `urn:oracle:db::id::ocid1.compartment…`."""
    token_endpoint: str = ""
    """Endpoint of IAM's data plane, for private endpoints and tests; empty: that of the region."""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    password_secret_id: str = ""
    """OCID of a secret in OCI Vault that holds the password."""
    config_dir: Path | None = None
    """Folder that contains `tnsnames.ora`."""
    wallet_location: Path | None = None
    wallet_password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    """Certificates, in PEM format, of the authorities that are trusted for TLS; without it, those of this machine."""
    pool_min: int = Field(1, ge=0, le=100)
    pool_max: int = Field(8, ge=1, le=1000)
    connect_timeout_seconds: float = Field(10.0, gt=0)
    connect_retries: int = Field(1, ge=0, le=100)
    """How often the driver tries again to connect. It replaces what the DSN or `tnsnames.ora` says."""
    keepalive_minutes: int = Field(4, ge=0, le=1440)
    """Minutes after which the driver probes an idle connection, so that no firewall drops it; 0: never."""
    acquire_timeout_seconds: float = Field(10.0, gt=0)
    call_timeout_seconds: float = Field(60.0, gt=0)
    statement_cache: int = Field(50, ge=0)
    table_prefix: str = "SIXPLANE"
    vector_index: Literal["none", "hnsw", "ivf"] = "hnsw"
    embedding_model: str = ""
    """An ONNX model in the database, for `data.embeddings = "database"`."""
    hybrid_search: bool = False
    """Whether the text index is a hybrid vector index, which finds the candidates of a hybrid search in one call."""
    target_accuracy: int = Field(95, ge=50, le=100)
    """Accuracy of the approximate index, in percent of an exact search."""
    vector_rebuild_share: float = Field(0.3, gt=0)
    """`sixplane db optimize` rebuilds the vector index when this share of passages was added since it was built."""
    owner: str = ""
    """The schema that owns the tables, if `user` is another one that may not create any."""
    tablespace: str = "USERS"
    """The tablespace in which `sixplane db grants` gives a quota; `DATA` on an Autonomous Database."""
