"""A draft as Markdown with offsets: which spans of it are claims, and what is published of it."""

from __future__ import annotations

from nodes.draft.choice import Kept
from nodes.draft.claims import DraftClaim, claims_of, draft_claims, draft_hash
from nodes.draft.prepare import load_parsers, prepared_draft
from nodes.draft.publish import Published, literal, publish_draft, spellings
from nodes.draft.safety import NOTICE
from nodes.draft.seen import PlainText
from nodes.draft.traits import Trait, traits

__all__ = [
    "NOTICE",
    "DraftClaim",
    "Kept",
    "PlainText",
    "Published",
    "Trait",
    "claims_of",
    "draft_claims",
    "draft_hash",
    "literal",
    "load_parsers",
    "prepared_draft",
    "publish_draft",
    "spellings",
    "traits",
]
