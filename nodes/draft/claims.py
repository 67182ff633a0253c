"""The claims of a draft: which spans of its Markdown state something, and which aliases stand for each of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from nodes.draft.blocks import Document
from nodes.draft.inherit import inherit
from nodes.draft.stated import Reading, read_blocks
from state.citation_marks import DRAFT_MARK
from state.values import Claim, ClaimKind

_KEPT = 8
"""Drafts that are kept as they were read: the verifier reads one, and `publish` reads it again. A chosen value."""


@dataclass(frozen=True)
class DraftClaim:
    """A span of a draft that states something. `start:end` is the span in the Markdown, marks included.

    `text` is what a reader sees of it, on one line (code as it stands), and `context` what the reader has just read
    before it: the sentence before, the words that introduce a list or code, a table's header. `aliases` are those of
    its own marks if `own_marks`, else of the marks that stand for it: of the next marked sentence of its paragraph, of
    a paragraph of nothing but marks after its block, of the sentence that introduces its list, table, code or
    quotation, of the next marked item or row; and for a sentence that introduces something and for a heading, of what
    follows. `quotation` is all that stands in the block quote around it, if one does.
    """

    kind: ClaimKind
    text: str
    context: str
    section: str
    start: int
    end: int
    aliases: tuple[str, ...]
    own_marks: bool
    quotation: str = ""


def draft_hash(markdown: str) -> str:
    """Return the SHA-256 of a draft. It binds a verification to exactly this text."""
    return hashlib.sha256(markdown.encode()).hexdigest()


def draft_claims(markdown: str) -> list[DraftClaim]:
    """Return the claims of a draft in order. Questions and lines without words state nothing.

    >>> [(claim.text, claim.aliases) for claim in draft_claims("Ten a minute. **Sixty** an hour [E1].")]
    [('Ten a minute.', ('E1',)), ('Sixty an hour.', ('E1',))]
    """
    return [
        DraftClaim(
            kind=each.kind,
            text=each.text,
            context=each.context,
            section=each.section,
            start=each.start,
            end=each.end,
            aliases=each.aliases,
            own_marks=bool(each.own),
            quotation=each.quotation,
        )
        for each in read_draft(markdown).claims
    ]


def claims_of(drafted: Sequence[DraftClaim]) -> list[Claim]:
    """Return the claims of a draft, numbered in order, not yet checked."""
    return [
        Claim(
            id=f"c{n}",
            text=each.text,
            kind=each.kind,
            context=each.context,
            section=each.section,
            start=each.start,
            end=each.end,
        )
        for n, each in enumerate(drafted, 1)
    ]


@lru_cache(maxsize=_KEPT)
def read_draft(markdown: str, mark: re.Pattern[str] = DRAFT_MARK) -> Reading:
    """Return a draft's blocks and claims, which nobody may change. `mark` is the grammar of its citation marks."""
    reading = read_blocks(Document(markdown, mark))
    inherit(reading)
    return reading
