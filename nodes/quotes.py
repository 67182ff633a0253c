"""Locating a quote in its passage: verbatim, or differing only in white space, quotation marks and dashes.

Never by similarity: a quote that the passage does not contain must not be published. Models see passages neutralised
(`citation_marks`) and copy them so; a quote is looked for there, and what is kept is the passage's own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from state.citation_marks import neutralised
from state.sentences import sentences
from state.values import Passage, Quote

_WORD = re.compile(r"\w+")
_LOOSE = {
    "'": "['‘’ʼ]",
    "’": "['‘’ʼ]",
    "‘": "['‘’ʼ]",
    '"': '["“”]',
    "“": '["“”]',
    "”": '["“”]',
    "-": "[-‐‑–—]",
    "–": "[-‐‑–—]",
}
MIN_QUOTE_CHARS = 3
"""Shorter quotes occur by chance and support nothing."""


def locate(quote: str, passage: Passage) -> Quote | None:
    """Return the span of `passage` that `quote` copies, with its canonical text, or `None` if there is no such span."""
    # Both are neutralised: a model may write the brackets as it saw them or as it thinks they were. Lengths stay.
    wanted, text = neutralised(quote.strip()), neutralised(passage.text)
    if len(wanted) < MIN_QUOTE_CHARS:
        return None
    at = text.find(wanted)
    if at >= 0:
        return span_quote(passage, at, at + len(wanted))
    found = re.search(_loose_pattern(wanted), text)
    return span_quote(passage, *found.span()) if found else None


def span_quote(passage: Passage, start: int, end: int) -> Quote:
    """Return the quote at `start:end` of the passage's text, with offsets into the canonical text."""
    return Quote(
        evidence_id=passage.evidence_id,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
    )


def best_quote(claim: str, passage: Passage, candidates: Iterable[Quote] = ()) -> Quote:
    """Return the quote of `passage` that best supports `claim`.

    It is the claim itself if the passage contains it verbatim; else the candidate, or without candidates the
    sentence, that shares most words with the claim.
    """
    verbatim = locate(claim, passage)
    if verbatim is not None:
        return verbatim
    own = [quote for quote in candidates if quote.evidence_id == passage.evidence_id]
    own = own or [span_quote(passage, *span) for span in sentences(passage.text)]
    words = set(_words(claim))
    return max(
        own,
        key=lambda quote: (_overlap(words, quote.quote), -quote.start),
        default=span_quote(passage, 0, len(passage.text)),
    )


def _overlap(words: set[str], text: str) -> float:
    other = set(_words(text))
    return len(words & other) / (len(words | other) or 1)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _loose_pattern(quote: str) -> str:
    pieces = [r"\s+" if char.isspace() else _LOOSE.get(char, re.escape(char)) for char in re.sub(r"\s+", " ", quote)]
    return "".join(pieces)
