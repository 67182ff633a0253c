"""Quotes of a passage: locating one, and choosing those that may carry a claim.

A quote is located verbatim, or differing only in white space, quotation marks and dashes; never by similarity: a quote
that the passage does not contain must not be published. Models see passages neutralised (`citation_marks`) and copy
them so; a quote is looked for there, and what is kept is the passage's own text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nodes.checks import Cited, Statement, addresses, shared, stems
from state.citation_marks import neutralised
from state.editions import document_date, document_version
from state.values import MASK, Passage, Quote

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

QUOTES_PER_CITATION = 3
"""Quotes of one passage that a judge is shown. A chosen value: a claim may join two sentences, and a third spares the
verdict where words alone ranked the right one low."""

_CONTEXT_SHARE = 0.25  # weight of the words before a claim: they tell what `it` is
_NEW_SHARE = 2.0  # weight of a claim's words that no quote chosen before has said
_FOUND_BONUS = 0.1  # for what the analyzer quoted: it read the passage, and word overlap did not


@dataclass(frozen=True)
class Source:
    """A passage as a claim cites it, with what can be quoted from it."""

    alias: str
    passage: Passage
    untrusted: bool = False
    """Whether a guard suspects orders in it."""

    @cached_property
    def cited(self) -> Cited:
        """The passage as code checks a claim against it."""
        passage = self.passage
        dated = document_date(passage.metadata), document_version(passage.metadata)
        return Cited(passage.text, tuple(filter(None, (passage.title, *passage.heading_path, *dated))))

    @property
    def name(self) -> str:
        """Document, section and date, for a judge who must know what a quote speaks of."""
        return " › ".join(dict.fromkeys(self.cited.names))


@dataclass(frozen=True)
class Candidate:
    """A quote that may carry a claim. `before` is what a reader of the passage has just read."""

    source: Source = field(repr=False, compare=False)
    quote: Quote
    before: str = ""

    @property
    def words(self) -> str:
        """The quote with what stands before it."""
        return f"{self.before}\n{self.quote.quote}" if self.before else self.quote.quote


def locate(quote: str, passage: Passage) -> Quote | None:
    """Return the span of `passage` that `quote` copies, with its canonical text, or `None` if there is no such span."""
    # Both are neutralised: a model may write the brackets as it saw them or as it thinks they were. Lengths stay.
    wanted, text = neutralised(quote.strip()), neutralised(passage.text)
    if len(wanted) < MIN_QUOTE_CHARS or MASK in wanted:  # what is withheld cannot be quoted
        return None
    at = text.find(wanted)
    if at >= 0:
        return span_quote(passage, at, at + len(wanted))
    found = re.search(_loose_pattern(wanted), text)
    return span_quote(passage, *found.span()) if found else None


def whole_quote(quote: str, passage: Passage) -> Quote | None:
    """Return `quote` as the whole statements of `passage` that it touches, `None` if it copies none.

    Whole, since a part may say the opposite: "the data is encrypted" of "nobody claims that the data is encrypted".
    """
    found = locate(quote, passage)
    candidate = _whole(found, Source("", passage)) if found else None
    return candidate.quote if candidate else None


def widest(passage: Passage, *quotes: Quote | None) -> Quote | None:
    """Return the quote of `passage` that holds all of `quotes`, `None` if there are none."""
    found = [quote for quote in quotes if quote is not None]
    if not found:
        return None
    start, end = min(quote.start for quote in found), max(quote.end for quote in found)
    return span_quote(passage, start - passage.start, end - passage.start)


def span_quote(passage: Passage, start: int, end: int) -> Quote:
    """Return the quote at `start:end` of the passage's text, with offsets into the canonical text."""
    return Quote(
        evidence_id=passage.evidence_id,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
    )


def candidates(
    claim: str, context: str, source: Source, found: Iterable[Quote], most: int = QUOTES_PER_CITATION
) -> tuple[Candidate, ...]:
    """Return the quotes of `source` that come closest to `claim`, best first, none if the passage states nothing.

    Args:
        claim: the words of the claim.
        context: what a reader has read before it.
        source: a passage that the claim cites.
        found: the findings' quotes; one of this passage is among the result if there is any.
        most: how many to return.
    """
    quoted = [each for quote in found if (each := _whole(quote, source)) is not None]
    texts = (each for each in source.cited.statements if MASK not in source.passage.text[each.start : each.end])
    stated = [_candidate(source, each.start, each.end, each) for each in texts]
    wanted, near = set(stems(claim)), set(stems(context))
    named = addresses(claim)

    def rank(candidate: Candidate) -> tuple[bool, float]:
        said = set(stems(candidate.words))
        bonus = _FOUND_BONUS if candidate in quoted else 0.0
        score = shared(wanted, said) + _CONTEXT_SHARE * shared(near - wanted, said) + bonus
        return any(address in candidate.quote.quote for address in named), score

    ranks = {each: rank(each) for each in [*quoted, *stated]}
    ranked = sorted(ranks, key=lambda each: ranks[each], reverse=True)
    # The best of what the analyzer quoted is always among them: word overlap does not see through another language.
    first = next((each for each in ranked if each in quoted), None)
    useful = [each for each in ranked if first is None or ranks[each][1] > 0]
    chosen = _covering(wanted, useful, ranks, [first] if first else [], most)
    return tuple(sorted(chosen, key=lambda each: ranks[each], reverse=True))


def _covering(
    wanted: set[str],
    ranked: Sequence[Candidate],
    ranks: Mapping[Candidate, tuple[bool, float]],
    chosen: Sequence[Candidate],
    most: int,
) -> list[Candidate]:
    """Return `chosen`, filled up to `most` with those that rank high and say what the ones before them do not."""
    # A claim may join two sentences: by rank alone, three quotes of the one would hide the other from the judge. Only
    # the quote's own words count, since what stands before it carries nothing.
    said = {each: wanted & set(stems(each.quote.quote)) for each in ranked}
    taken, missing = list(chosen), wanted.difference(*(stems(each.quote.quote) for each in chosen))

    def worth(candidate: Candidate) -> tuple[bool, float]:
        named, score = ranks[candidate]
        return named, score + _NEW_SHARE * shared(wanted, missing & said[candidate])

    while len(taken) < most:
        left = [each for each in ranked if not any(_within(each.quote, other.quote) for other in taken)]
        if not left:
            break
        taken.append(max(left, key=worth))
        missing -= said[taken[-1]]
    return taken


def at_span(source: Source, start: int, end: int) -> Candidate:
    """Return the candidate at `start:end` of the passage's text, without what stands before it."""
    return Candidate(source, span_quote(source.passage, start, end))


def _whole(quote: Quote, source: Source) -> Candidate | None:
    """Return a quote as whole statements, `None` if it is of another passage or states nothing."""
    passage = source.passage
    if quote.evidence_id != passage.evidence_id:
        return None
    start, end = quote.start - passage.start, quote.end - passage.start
    touched = [each for each in source.cited.statements if each.start < end and start < each.end]
    if not touched or MASK in passage.text[touched[0].start : touched[-1].end]:
        return None
    return _candidate(source, touched[0].start, touched[-1].end, touched[0])


def _candidate(source: Source, start: int, end: int, first: Statement) -> Candidate:
    return Candidate(source, span_quote(source.passage, start, end), first.before)


def _within(quote: Quote, other: Quote) -> bool:
    return other.start <= quote.start and quote.end <= other.end


def _loose_pattern(quote: str) -> str:
    pieces = [r"\s+" if char.isspace() else _LOOSE.get(char, re.escape(char)) for char in re.sub(r"\s+", " ", quote)]
    return "".join(pieces)


def merged(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """Return the quotes without those that lie inside another of the same passage, each once, in order."""
    kept = dict.fromkeys(quotes)
    return tuple(
        quote
        for quote in kept
        if not any(
            other != quote and other.evidence_id == quote.evidence_id and _within(quote, other) for other in kept
        )
    )
