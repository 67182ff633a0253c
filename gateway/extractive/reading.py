"""What the analyzer reads: the sub-questions, and the sentences of the evidence that are worth embedding."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gateway.extractive.asking.attribute import asked_for, lacks_amount, lacks_names, speaks_of
from gateway.extractive.asking.phrases import phrases
from gateway.extractive.breadth import asks_for_help
from gateway.extractive.bridges import open_hops
from gateway.extractive.descriptions import has_hop
from gateway.extractive.named_terms import PassageWords, names
from gateway.extractive.plan import reworded
from gateway.extractive.ranking import content_terms, coverage, inverse_document_frequency, unseen_weight, words
from gateway.extractive.terms.spelling import corrected, spelled
from gateway.extractive.units import Span, Unit, units_of
from state.evidence_block import EvidenceItem

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")  # of code: the words in `load_model` and `fromWallet`
_CODE_WORDS = 60  # of code that are compared: about as many as the longest sentences have; a chosen value
_PASSAGE = 0.3  # what the passage's score counts against a sentence's words; a chosen value


@dataclass(frozen=True)
class Candidate:
    """One sentence of a passage in its unit, with its stems and those of its title and headings.

    Code that no sentence introduces is one by itself: `span` is all of it, and nothing of it can be marked.
    """

    unit: Unit
    span: Span
    terms: frozenset[str]
    passage: PassageWords

    @property
    def item(self) -> EvidenceItem:
        """The passage."""
        return self.unit.item

    @property
    def quote(self) -> str:
        """The sentence, as it stands in the passage."""
        return self.item.text[slice(*self.span)]

    @property
    def document(self) -> str:
        """What tells the passage's document from others."""
        return self.item.source or self.item.title or self.item.alias

    @property
    def context(self) -> str:
        """The text to embed: the sentence after its title, so that a pronoun in it has a referent.

        Code stands after its heading, which says what it is for.
        """
        if self.is_code:
            return f"{[self.item.title, *self.item.heading_path][-1]}: {_said(self.unit, self.span)}"
        return f"{self.item.title}: {self.quote}" if self.item.title else self.quote

    @property
    def is_code(self) -> bool:
        """Whether it is code without a sentence."""
        return self.unit.kind == "code" and not self.unit.sentences

    @cached_property
    def line(self) -> str:
        """The sentence on one line."""
        return " ".join(self.quote.split())

    @cached_property
    def block(self) -> str:
        """All of its unit on one line."""
        return " ".join(self.unit.text.split())

    def repeats(self, other: Candidate) -> bool:
        """Whether it says the same as `other`, or its whole unit stands in that of `other` in another passage."""
        apart = self.item.alias != other.item.alias
        return self.line == other.line or (apart and self.block in other.block)

    @cached_property
    def own_terms(self) -> tuple[str, ...]:
        """The stems of the sentence alone."""
        return tuple(content_terms(_said(self.unit, self.span)))

    @cached_property
    def words(self) -> PassageWords:
        """The stems of the sentence after its title, in order."""
        return PassageWords.of(self.item.title, self.quote)


@dataclass(frozen=True)
class SubQuestion:
    """One sub-question, and the names in it that no passage contains.

    `absent` says whether the passages lack what it names, so that they cannot answer it. `untold` says whether they
    lack the word for what it asks for: they may tell it in other words, but what is merely close does not. `vague` says
    whether it asks for any help with something of which a passage speaks: then what is closest may help.
    """

    id: str
    text: str
    round: int
    missing: tuple[str, ...]
    absent: bool = False
    untold: bool = False
    vague: bool = False
    meant: str = ""

    @property
    def reads(self) -> str:
        """The text to compare: without slips of the pen, if it has several."""
        return self.meant or self.text


@dataclass(frozen=True)
class Reading:
    """The sub-questions, the sentences to rank, and what each term weighs in the evidence.

    `hops` is what to ask next, by sub-question. `spoken_of` is false if earlier rounds found nothing that speaks of the
    question.
    """

    asked: tuple[SubQuestion, ...]
    sentences: tuple[Candidate, ...]
    weights: Mapping[str, float]
    unseen: float
    hops: Mapping[str, str]
    spoken_of: bool = True

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts to embed: the sub-questions, then the sentences."""
        return (*(asked.reads for asked in self.asked), *(candidate.context for candidate in self.sentences))


def candidates(fields: Mapping[str, Any], evidence: Sequence[EvidenceItem], embedded: int) -> Reading:
    """Split the evidence into sentences, and keep the `embedded` ones whose words come closest to a sub-question."""
    passages = {item.alias: _words_of(item) for item in evidence}
    found = [candidate for item in evidence for candidate in _sentences_of(item, passages[item.alias])]
    weights = inverse_document_frequency(words.present for words in passages.values())
    unseen = unseen_weight(len(passages))
    known = Counter(word for item in evidence for word in words(f"{item.title} {item.text}"))
    asked = _with_other_words(
        [_read(sub_question, passages, evidence, known) for sub_question in _sub_questions(fields)]
    )
    share = max(1, embedded // max(1, len(asked)))
    kept: dict[int, Candidate] = {}
    for each in asked:
        wanted = [spelled(term, weights) for term in content_terms(each.reads)]
        ranked = sorted(
            found,
            key=lambda one: -coverage(wanted, one.terms, weights, unseen) - _PASSAGE * (one.item.score or 0.0),
        )
        kept.update((id(sentence), sentence) for sentence in ranked[:share])
    spoken_of = int(fields.get("round") or 1) == 1 or bool(fields.get("findings"))
    hops = open_hops(fields, evidence)
    return Reading(asked, tuple(kept.values()), weights, unseen, hops, spoken_of)


def _with_other_words(asked: Sequence[SubQuestion]) -> tuple[SubQuestion, ...]:
    """Return `asked`, absent too what asks in other words for what is absent: the other words do not tell it."""
    absent = {reworded(each.text) for each in asked if each.absent}
    untold = {reworded(each.text) for each in asked if each.untold}
    return tuple(
        replace(each, absent=each.absent or each.text in absent, untold=each.untold or each.text in untold)
        for each in asked
    )


def _sub_questions(fields: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    listed = fields.get("sub_questions") or []
    asked = [(str(each["id"]), str(each["text"]), int(each.get("round") or 1)) for each in listed]
    return asked or [("q1", str(fields.get("question", "")), 1)]


def _read(
    sub_question: tuple[str, str, int],
    passages: Mapping[str, PassageWords],
    evidence: Sequence[EvidenceItem],
    known: Mapping[str, int],
) -> SubQuestion:
    identity, text, round_ = sub_question
    meant = corrected(text, known)
    found, told = names(text), list(passages.values())
    missing = tuple(name.text for name in found if not any(map(name.stands_in, told)))
    # What a question with another hop asks for may stand in passages of a later round only.
    word = "" if has_hop(text, found) else asked_for(text)
    untold = bool(word and told and not any(speaks_of(each, word) for each in told))
    absent = lacks_names(text, found, told) or lacks_amount(text, (item.text for item in evidence))
    return SubQuestion(identity, text, round_, missing, absent, untold, _is_vague(text, told), meant)


def _is_vague(text: str, passages: Sequence[PassageWords]) -> bool:
    """Return whether a request for help names something first, and a passage has at least half of its words."""
    subject = next((phrase for phrase in phrases(text) if phrase.tells), None) if asks_for_help(text) else None
    said = content_terms(subject.text) if subject else []
    return bool(said) and any(2 * sum(map(each.has, said)) >= len(said) for each in passages)


def _words_of(item: EvidenceItem) -> PassageWords:
    return PassageWords.of(item.title, *item.heading_path, item.text)


def _sentences_of(item: EvidenceItem, passage: PassageWords) -> list[Candidate]:
    heading = content_terms(" ".join([item.title, *item.heading_path]))
    return [
        Candidate(unit, span, frozenset([*heading, *content_terms(_said(unit, span))]), passage)
        for unit in units_of(item)
        for span in unit.sentences or _whole(unit)
    ]


def _whole(unit: Unit) -> tuple[Span, ...]:
    """Return all of a unit of code: it has no sentence."""
    return ((unit.start, unit.end),) if unit.kind == "code" else ()


def _said(unit: Unit, span: Span) -> str:
    """Return a sentence as it is compared; of code without one the beginning, its names taken apart."""
    if unit.kind == "code" and not unit.sentences:
        return " ".join(_PARTS.findall(unit.text)[:_CODE_WORDS])
    return unit.item.text[slice(*span)]
