"""What a managed source returned becomes passages with ids of their own, whose canonical text is the returned text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from retrieval.documents import LONGEST_ID, LONGEST_SOURCE, evidence_id
from state.access import AUDIENCE
from state.values import Passage, Scores

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from settings.sources import SourceSettings

PREFIX = "S"
"""Begins the id of a passage of a managed source; those of documents begin with `E`."""

SOURCE_KEY = "managed_source"
"""The key of the source's name in the metadata of its passages."""

LONGEST_TEXT = 20_000
"""Characters of the longest passage that is taken. A chosen limit: longer ones fit into few prompts. Services return
chunks of some 3,000."""

_TITLE_CHARS = 500
_MOST_PAGES = 1_000_000
"""A larger value is no page. A chosen value: a column of the table holds it."""
_DOCUMENTS = "source:"


def is_managed(key: str) -> bool:
    """Return whether `key` is the id of a passage of a managed source."""
    return key.startswith(PREFIX)


def is_managed_document(document_id: str) -> bool:
    """Return whether a document of this id can be one of a managed source."""
    return document_id.startswith(_DOCUMENTS)


def taken(name: str, declared: SourceSettings, found: Iterable[Document]) -> tuple[list[Passage], int]:
    """Return the passages that can be taken of `found`, best first, and how many cannot.

    A passage is left out if it is longer than `LONGEST_TEXT`, or is no valid Unicode, which no database could keep.
    The score is one divided by the rank: services give none, or scores that mean nothing beside those of a search.
    """
    documents = list(found)
    kept = [_passage(name, declared, each) for each in documents if _is_usable(each.page_content)]
    unique = {passage.evidence_id: passage for passage in reversed(kept)}
    ordered = [unique[key] for key in dict.fromkeys(passage.evidence_id for passage in kept)]
    scored = [
        passage.model_copy(update={"scores": Scores(fused=1.0 / rank)}) for rank, passage in enumerate(ordered, 1)
    ]
    return scored, len(documents) - len(kept)


def _is_usable(text: str) -> bool:
    return len(text) <= LONGEST_TEXT and not any("\ud800" <= char <= "\udfff" for char in text)


def _passage(name: str, declared: SourceSettings, document: Document) -> Passage:
    text, told = document.page_content, document.metadata
    text_hash = hashlib.sha256(text.encode()).hexdigest()
    pages = sorted(page for page in told.get("pages") or () if page <= _MOST_PAGES)
    title, place = _cut(told.get("title"), _TITLE_CHARS), _cut(told.get("source"), LONGEST_SOURCE)
    document_id = _cut(f"{_DOCUMENTS}{name}/{told.get('document_id') or place or text_hash}", LONGEST_ID)
    key = evidence_id(declared.tenant, declared.corpus, document_id, text_hash, 0, len(text), declared.audience)
    return Passage(
        evidence_id=PREFIX + key[1:],
        document_id=document_id,
        title=title or name,
        source=place or name,
        page=pages[0] if pages else None,
        page_end=pages[-1] if pages else None,
        start=0,
        end=len(text),
        text=text,
        text_hash=text_hash,
        metadata={SOURCE_KEY: name, **({AUDIENCE: list(declared.audience)} if declared.audience else {})},
    )


def _cut(given: object, bytes_: int) -> str:
    """Return `given` as one line of at most so many bytes, in valid Unicode."""
    line = " ".join(str(given or "").split())
    return line.encode("utf-8", "replace")[:bytes_].decode("utf-8", "ignore")
