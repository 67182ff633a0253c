"""Managed sources: services that hold documents themselves, and answer a question with passages of them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from settings.names import checked_name
from state.access import Labels, labels_of
from state.errors import BadInput, NameInvalid

SourceKind = Literal["agent", "vector_store"]

_ENDPOINT = re.compile(r"ocid1\.genaiagentendpoint\.[A-Za-z0-9._-]+")
_STORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_AGENT = "ocid1.genaiagent."


def _named(name: str, kind: str) -> str:
    try:
        return checked_name(kind, name)
    except NameInvalid as error:
        raise ValueError(f"{error.message}; {error.hint}") from None


def _source_name(name: str) -> str:
    return _named(name, "source")


SourceName = Annotated[str, AfterValidator(_source_name)]
"""The name of a source, which reports show."""


class SourceSettings(BaseModel):
    """One managed source of a corpus: an agent endpoint, or a vector store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    """The corpus whose questions it is asked. A corpus that has a source needs no documents of its own."""
    tenant: str = "local"
    agent: str = ""
    """OCID of an endpoint of OCI Generative AI Agents (`ocid1.genaiagentendpoint.…`)."""
    vector_store: str = ""
    """Id of a vector store of OCI's OpenAI-compatible endpoint."""
    audience: Labels = ()
    """Who may read what it returns; empty: the whole tenant. For others it is not asked."""
    passages: int = Field(8, ge=1, le=50)
    """Most passages that one question takes from it."""

    @property
    def kind(self) -> SourceKind:
        """Which of the two it is."""
        return "agent" if self.agent else "vector_store"

    @property
    def target(self) -> str:
        """The OCID or id of what is asked."""
        return self.agent or self.vector_store

    def serves(self, tenant: str, corpus: str) -> bool:
        """Return whether it is a source of this corpus."""
        return (self.tenant, self.corpus) == (tenant, corpus)

    @field_validator("corpus", "tenant")
    @classmethod
    def _is_name(cls, given: str, info: ValidationInfo) -> str:
        return _named(given, info.field_name or "source")

    @field_validator("agent")
    @classmethod
    def _is_endpoint(cls, given: str) -> str:
        if given.startswith(_AGENT):
            raise ValueError("this is the OCID of an agent; give that of one of its endpoints, which the console lists")
        if given and not _ENDPOINT.fullmatch(given):
            raise ValueError("copy the OCID of the agent's endpoint: it starts with `ocid1.genaiagentendpoint.`")
        return given

    @field_validator("vector_store")
    @classmethod
    def _is_store(cls, given: str) -> str:
        if given and not _STORE.fullmatch(given):
            raise ValueError("copy the id of the vector store from the console, for example `vs_…`")
        return given

    @field_validator("audience", mode="before")
    @classmethod
    def _is_label(cls, given: Any) -> Any:
        try:
            return labels_of(given) if given else ()
        except BadInput as error:
            raise ValueError(f"{error.message}; {error.hint}") from None

    @model_validator(mode="after")
    def _one_kind(self) -> SourceSettings:
        if bool(self.agent) is bool(self.vector_store):
            raise ValueError("a source is either an `agent` or a `vector_store`; set one of the two")
        return self
