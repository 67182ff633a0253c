"""Ends a text at the first of several stop sequences, as OpenAI does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence


async def until(pieces: AsyncIterator[str], stops: Sequence[str]) -> AsyncIterator[str]:
    """Yield the pieces of a text up to the first of `stops`, which may span several pieces."""
    held = ""
    longest = max(map(len, stops), default=1)
    async for piece in pieces:
        held += piece
        found = [at for stop in stops if (at := held.find(stop)) >= 0]
        # What could be the beginning of a stop is held back.
        ready = min(found, default=len(held) - longest + 1)
        if ready > 0:
            yield held[:ready]
            held = held[ready:]
        if found:
            return
    if held:
        yield held
