"""Documents as loaders hand them over, spans as the splitter cuts them, and evidence ids."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cached_property
from typing import Any

from pydantic import Field

from state.values import Value


class Heading(Value):
    """A heading: where it stands in the canonical text, and its level from 1."""

    start: int
    level: int
    title: str


class LoadedDocument(Value):
    """One document version. `page_starts` are the offsets at which pages begin, empty for formats without pages."""

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
        """The SHA-256 of the canonical text, which names this version."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class FailedFile(Value):
    """A file that was passed over. `reason` says what and how to mend it."""

    source: str
    reason: str


class Span(Value):
    """A passage's place in the canonical text. Pages count from 1, `None` for formats without pages."""

    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    heading_path: tuple[str, ...] = ()


def evidence_id(tenant: str, corpus: str, document_id: str, text_hash: str, start: int, end: int) -> str:
    """Return `E` and 26 base32 characters (130 bits) of the SHA-256 over what names the span."""
    named = json.dumps([tenant, corpus, document_id, text_hash, start, end], ensure_ascii=False)
    digest = hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()
    return "E" + base64.b32encode(digest).decode()[:26]
