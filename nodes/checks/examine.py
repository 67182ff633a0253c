"""What code alone can say about a claim and the passages it cites.

It accepts what stands there word for word, and rejects what cannot be true of the passages: a number, unit or date that
none of them has, a plain contradiction, an address of its own. It never rejects a paraphrase: what is left is for a
judge, and without one it stays unverified.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nodes.checks.addresses import foreign_addresses
from nodes.checks.aligned import aligned, otherwise
from nodes.checks.amounts import Evidence, exchanged_number, wrong_number, wrong_unit
from nodes.checks.code import CodeFound, find_code
from nodes.checks.dates import is_relative, read_clocks, read_dates
from nodes.checks.moments import misdated
from nodes.checks.periods import dates_in_words
from nodes.checks.polarity import negated_by, opposed_by
from nodes.checks.statements import Statement, statements
from nodes.checks.verbatim import verbatim_row, verbatim_span
from nodes.checks.words import tokens
from state.values import ClaimFault, ClaimKind, Support

Span = tuple[int, int]

_POINTS_BACK = re.compile(
    r"\W*(?:it|its|he|she|they|their|them|this|these|that|those|such|both|here|there|then"
    r"|the (?:former|latter|same))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Cited:
    """A cited passage: its text, and what names it (title, headings, date, version), which states nothing itself."""

    text: str
    names: tuple[str, ...] = ()

    @cached_property
    def statements(self) -> list[Statement]:
        """What can be quoted from it."""
        return statements(self.text, self.names)

    @property
    def sentences(self) -> list[str]:
        """The words of its statements."""
        return [self.text[each.start : each.end] for each in self.statements]


@dataclass(frozen=True)
class Assertion:
    """What a claim says: its text, what the reader has just read before it, and the question that it answers."""

    text: str
    kind: ClaimKind = ClaimKind.SENTENCE
    context: str = ""
    question: str = ""

    @property
    def points_back(self) -> bool:
        """Whether it begins with a word such as `it`, which may mean something else here than in the passage."""
        return bool(self.context and _POINTS_BACK.match(self.text))


@dataclass(frozen=True)
class Examined:
    """The verdict of code, `None` if code cannot tell, with its reason or the verbatim span in each passage.

    Spans without a verdict: the words are there, and a judge must tell whether they are meant so.
    """

    verdict: Support | None = None
    fault: ClaimFault | None = None
    spans: tuple[tuple[int, Span], ...] = ()


UNDECIDED = Examined()


def examine(claim: Assertion, cited: Sequence[Cited], quotes: Sequence[str]) -> Examined:
    """Return what code can say about `claim`.

    Args:
        claim: the claim.
        cited: the passages that it cites.
        quotes: the words of those passages that come closest, with what stands before them; arithmetic uses these.
    """
    if claim.kind is ClaimKind.CODE:
        return _examined_code(claim, cited)
    spans = _verbatim(claim, cited)
    if spans:
        return Examined(Support.SUPPORTED, spans=spans)
    if all(token.mark for token in tokens(claim.text)):
        return Examined(Support.UNSUPPORTED, ClaimFault.NO_STATEMENT)  # nothing but marks, copied from a document
    if foreign_addresses(claim.text, [each.text for each in cited]):
        return Examined(Support.UNSUPPORTED, ClaimFault.ADDRESS)
    if not any(each.statements for each in cited):
        return Examined(Support.UNSUPPORTED, ClaimFault.NO_STATEMENT)
    return _compared(claim, cited, quotes)


def _compared(claim: Assertion, cited: Sequence[Cited], quotes: Sequence[str]) -> Examined:
    passages = tuple("\n".join([*each.names, each.text]) for each in cited)
    evidence = Evidence(tuple(quotes), passages, tuple(filter(None, (claim.question, claim.context))))
    dated = misdated(claim.text, "\n".join((*passages, claim.question, claim.context)))
    if dated is not False and not any(map(is_relative, quotes)):
        rival = dated and any(aligned(claim.text, each) and _tells_time(each) for each in quotes)
        return Examined(Support.CONTRADICTED if rival else Support.UNSUPPORTED, ClaimFault.DATE)
    number = wrong_number(claim.text, evidence)
    if number is not False:
        return Examined(Support.CONTRADICTED if number else Support.UNSUPPORTED, ClaimFault.NUMBER)
    if wrong_unit(claim.text, evidence):
        return Examined(Support.CONTRADICTED, ClaimFault.UNIT)
    by_passage = [each.sentences for each in cited]
    if exchanged_number(claim.text, evidence, by_passage):
        return Examined(Support.CONTRADICTED, ClaimFault.NUMBER)
    sentences = [sentence for each in by_passage for sentence in each]
    if negated_by(claim.text, sentences):
        return Examined(Support.CONTRADICTED, ClaimFault.NEGATION)
    if opposed_by(claim.text, sentences) or otherwise(claim.text, sentences):
        return Examined(Support.CONTRADICTED, ClaimFault.OPPOSITE)
    return UNDECIDED


def _tells_time(text: str) -> bool:
    return bool(read_dates(text) or read_clocks(text) or dates_in_words(text))


def _verbatim(claim: Assertion, cited: Sequence[Cited]) -> tuple[tuple[int, Span], ...]:
    """Return the passages, by their position, that say the claim word for word, and where."""
    if claim.kind is ClaimKind.HEADING:
        return ()  # a document's heading says nothing about the section that a writer puts under it
    found = ((n, _span(claim, each)) for n, each in enumerate(cited))
    return tuple((n, span) for n, span in found if span is not None)


def _examined_code(claim: Assertion, cited: Sequence[Cited]) -> Examined:
    """Return the verdict on code. Where it stands is told too if a judge must decide whether it is meant to be run."""
    each_found = ((n, find_code(claim.text, one.text, claim.context)) for n, one in enumerate(cited))
    found = [(n, each) for n, each in each_found if each]
    if not found:
        return Examined(Support.UNSUPPORTED, ClaimFault.CODE)
    sure = [(n, each) for n, each in found if each.certain]
    return Examined(Support.SUPPORTED if sure else None, spans=tuple(map(_placed, sure or found)))


def _placed(found: tuple[int, CodeFound]) -> tuple[int, Span]:
    return found[0], (found[1].start, found[1].end)


def _span(claim: Assertion, cited: Cited) -> Span | None:
    if claim.kind is ClaimKind.ROW:
        return verbatim_row(claim.text, claim.context, cited.text, cited.statements)
    return verbatim_span(claim.text, cited.text, cited.statements, claim.context)
