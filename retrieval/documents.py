"""Documents as loaders return them, spans as the splitter returns them, and evidence ids."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from state.access import Labels
from state.values import Kind, Value

_TITLE_CHARS = 500
"""A longer title is cut: each passage carries the titles above it, so that one would multiply. A chosen value."""

LONGEST_ID, LONGEST_SOURCE = 1000, 4000
"""The most characters of a document's id, and bytes of its source: the sizes of the columns in Oracle Database."""

Title = Annotated[str, AfterValidator(lambda title: title[:_TITLE_CHARS].rstrip())]
"""The title of a document or a section."""


class Heading(Value):
    """A heading: its offset in the canonical text and its level, counted from 1."""

    start: int
    level: int
    title: Title


class Block(Value):
    """A part of the canonical text that is of one kind: a table, a code block, an item of a list, a heading."""

    start: int
    end: int
    kind: Kind


class LoadedDocument(Value):
    """One document version.

    `page_starts` holds the offset of each page; it is empty for formats without pages. `blocks` are in order and do not
    overlap; text outside of them is prose. A row of a table is a line of its block. `audience` is the access label
    that the source itself gives, `None` if it gives none; it is never part of `metadata`. `earlier_ids` are those that
    an earlier release gave this document.
    """

    document_id: str
    title: Title
    source: str
    text: str
    page_starts: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()
    parser: str
    parser_version: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    audience: Labels | None = None
    earlier_ids: tuple[str, ...] = ()

    @cached_property
    def text_hash(self) -> str:
        """The SHA-256 of the canonical text; it identifies this version."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class FailedFile(Value):
    """A file that was skipped. `reason` says what is wrong with it and how to repair it."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Span:
    """The place of a passage in the canonical text. Pages count from 1; `None` for formats without pages.

    A dataclass, not a `Value`: a text of 50 MB has 90,000 of them, which would take 200 MB.
    """

    start: int
    end: int
    page: int | None = None
    page_end: int | None = None
    heading_path: tuple[str, ...] = ()
    kind: Kind = "prose"


def evidence_id(
    tenant: str, corpus: str, document_id: str, text_hash: str, start: int, end: int, labels: Labels = ()
) -> str:
    """Return `E` and 26 base32 characters (130 bits) of the SHA-256 over the arguments."""
    # Stored reports cite these ids: any change of the hashed text breaks every citation. Tenant and corpus are part of
    # it, so equal documents of two tenants do not share an id. So is the access label, if there is one: a restricted
    # document and an open one of the same name and text are two documents.
    limited = [list(labels)] if labels else []
    named = json.dumps([tenant, corpus, document_id, text_hash, start, end, *limited], ensure_ascii=False)
    return _id_of(hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest())


def vector_id(passage: str, embedded: str) -> str:
    """Return the id of the vector of the passage with the evidence id `passage`, made from the text `embedded`.

    That text begins with titles, which are not part of the evidence id and may change while the passage stays.
    """
    return _id_of(hashlib.sha256(f"{passage}\n{embedded}".encode("utf-8", "surrogatepass")).digest())


def random_evidence_id() -> str:
    """Return an evidence id that tells nothing about its passage."""
    return _id_of(secrets.token_bytes(32))


def _id_of(digest: bytes) -> str:
    return "E" + base64.b32encode(digest).decode()[:26]


def is_langchain(item: Any) -> bool:
    """Whether `item` is a LangChain document. LangChain is not imported for that: who has a document has done so."""
    module = sys.modules.get("langchain_core.documents.base")
    return module is not None and isinstance(item, module.Document)
