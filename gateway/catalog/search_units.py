"""Search units, by which rerankers are billed."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.token_estimates import CAUTIOUS_CHARS_PER_TOKEN

CHUNKS = 100
CHUNK_TOKENS = 500
_LEAST_ROOM = CHUNK_TOKENS // 2
"""A chosen value: what a chunk holds of a document at the least, however long the query is."""


def search_units(query: str, documents: Sequence[str]) -> int:
    """Return the search units of a rerank call, at least 1, rounded up.

    A search unit is a query with up to 100 documents; a document that has more than 500 tokens together with the query
    is split into chunks, each of which counts as one (https://docs.cohere.com/docs/rerank-overview, read 2026-11).
    Oracle does not say whether it counts otherwise. Tokens are estimated cautiously, so this is an upper estimate.
    """
    room = max(CHUNK_TOKENS - _tokens(query), _LEAST_ROOM)
    chunks = sum(max(-(-_tokens(document) // room), 1) for document in documents)
    return max(-(-chunks // CHUNKS), 1)


def _tokens(text: str) -> int:
    return -(-len(text) // CAUTIOUS_CHARS_PER_TOKEN)
