"""Documents as loaders return them, spans as the splitter returns them, and evidence ids."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cached_property
from typing import Any

from pydantic import Field

from state.values import Value


class Heading(Value):
    """A heading: its offset in the canonical text and its level, counted from 1."""

    start: int
    level: int
    title: str


class LoadedDocument(Value):
    """One document version. `page_starts` holds the offset of each page; it is empty for formats without pages."""

    document_id: str
    title: str
    source: str
    text: str
    page_starts: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    parser: str
    parser_version: str
    metadata: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def text_hash(self) -> str:
        """The SHA-256 of the canonical text; it identifies this version."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class FailedFile(Value):
    """A file that was skipped. `reason` says what is wrong with it and how to repair it."""

    source: str
    reason: str


class Span(Value):
    """The place of a passage in the canonical text. Pages count from 1; `None` for formats without pages."""

    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    heading_path: tuple[str, ...] = ()


def evidence_id(tenant: str, corpus: str, document_id: str, text_hash: str, start: int, end: int) -> str:
    """Return `E` and 26 base32 characters (130 bits) of the SHA-256 over the arguments."""
    # Stored reports cite these ids: any change of the hashed text breaks every citation. Tenant and corpus are part of
    # it, so equal documents of two tenants do not share an id.
    named = json.dumps([tenant, corpus, document_id, text_hash, start, end], ensure_ascii=False)
    digest = hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()
    return "E" + base64.b32encode(digest).decode()[:26]
