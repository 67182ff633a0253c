"""The extractive analyzer: which sentences of the evidence answer which sub-question, and which stay open.

It works in two steps, so that the caller can embed in between, synchronously or asynchronously: `candidates` selects
the sentences worth embedding by their words alone, and `analyse` ranks these with their vectors.

A sub-question stays open if no sentence reaches the threshold, or if no passage contains a name from it (`named_terms`)
and the best sentence is not near enough to do without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.extractive.bridges import open_hops
from gateway.extractive.named_terms import PassageWords, names
from gateway.extractive.ranking import (
    Vectors,
    content_terms,
    coverage,
    inverse_document_frequency,
    unit_rows,
    unseen_weight,
)
from gateway.extractive.units import Marked, Span, Unit, excerpts, units_of
from state.evidence_block import EvidenceItem
from state.roles import Analysis, Decision, ProposedFinding, ProposedGap, QuotedEvidence

# Chosen values.
_A_DOCUMENT = 2  # findings at most, so that one long document does not crowd out the others
_MARGIN = 0.6  # a sentence must reach this share of the best score
_NEAR = 0.65  # the score from which a sentence answers although a name of the question is nowhere
_NAMED_BONUS = 0.15  # for sentences of a passage that contains a name from the sub-question


@dataclass(frozen=True)
class Limits:
    """How much the analyzer reads and returns.

    Args:
        threshold: the least score (0 to 1) of a sub-question's best sentence.
        embedded: the most sentences to embed.
        findings: the most findings per sub-question.
    """

    threshold: float
    embedded: int = 60
    findings: int = 6


@dataclass(frozen=True)
class Candidate:
    """One sentence of a passage in its unit, with its stems and those of its title and headings."""

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
        """The text to embed: the sentence after its title, so that a pronoun in it has a referent."""
        return f"{self.item.title}: {self.quote}" if self.item.title else self.quote


@dataclass(frozen=True)
class SubQuestionTerms:
    """One sub-question: its stems, the names that no passage contains, and the passages that contain one."""

    id: str
    text: str
    terms: tuple[str, ...]
    missing: tuple[str, ...]
    named: frozenset[str]


@dataclass(frozen=True)
class Reading:
    """The result of the first step, before the texts are embedded."""

    asked: tuple[SubQuestionTerms, ...]
    sentences: tuple[Candidate, ...]
    weights: Mapping[str, float]
    unseen: float
    hops: Mapping[str, str]  # what to ask next, by sub-question

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts to embed: the sub-questions, then the sentences."""
        return (*(asked.text for asked in self.asked), *(candidate.context for candidate in self.sentences))


def candidates(fields: Mapping[str, Any], evidence: Sequence[EvidenceItem], limits: Limits) -> Reading:
    """Split the evidence into sentences, and keep those whose words come closest to a sub-question."""
    found = [candidate for item in evidence for candidate in _sentences_of(item)]
    passages = {item.alias: _words_of(item) for item in evidence}
    weights = inverse_document_frequency(words.present for words in passages.values())
    unseen = unseen_weight(len(passages))
    asked = tuple(_terms_of(sub_question, passages) for sub_question in _sub_questions(fields))
    share = max(1, limits.embedded // max(1, len(asked)))
    kept = [
        candidate
        for sub_question in asked
        for candidate in sorted(found, key=lambda each: -_lexical(sub_question, each, weights, unseen))[:share]
    ]
    return Reading(
        asked, tuple({id(each): each for each in kept}.values()), weights, unseen, open_hops(fields, evidence)
    )


def analyse(reading: Reading, rows: Sequence[Sequence[float]], limits: Limits, *, rounds_left: int) -> Analysis:
    """Return the findings and gaps, given the vectors of `reading.texts`."""
    vectors = unit_rows(rows)
    asked, rest = vectors[: len(reading.asked)], vectors[len(reading.asked) :]
    findings: list[ProposedFinding] = []
    gaps: list[ProposedGap] = []
    for position, sub_question in enumerate(reading.asked):
        chosen = _answers(reading, sub_question, asked[position], rest, limits)
        findings += _findings(sub_question, chosen)
        gaps += _gaps(sub_question, reading.hops.get(sub_question.id, ""), answered=bool(chosen))
    return Analysis(findings=findings, gaps=gaps, decision=_decision(findings, gaps, rounds_left))


def scores(reading: Reading, sub_question: SubQuestionTerms, asked: Vectors, vectors: Vectors) -> list[float]:
    """Return a score from 0 to 1 for every sentence: half by meaning, half by words, with a bonus for names."""
    near: Vectors = vectors @ asked
    return [
        min(1.0, 0.5 * max(0.0, float(cosine)) + 0.5 * _lexical(sub_question, each, reading.weights, reading.unseen))
        for each, cosine in zip(reading.sentences, near, strict=True)
    ]


def _answers(
    reading: Reading, sub_question: SubQuestionTerms, asked: Vectors, vectors: Vectors, limits: Limits
) -> list[Candidate]:
    if not reading.sentences:
        return []
    ranked = scores(reading, sub_question, asked, vectors)
    if max(ranked) < (_NEAR if sub_question.missing else limits.threshold):
        return []
    chosen: list[Candidate] = []
    for index in sorted(range(len(ranked)), key=lambda each: -ranked[each]):
        candidate = reading.sentences[index]
        if ranked[index] < _MARGIN * max(ranked):
            break
        beside = sum(each.document == candidate.document for each in chosen)
        if beside < _A_DOCUMENT and all(each.quote != candidate.quote for each in chosen):
            chosen.append(candidate)
        if len(chosen) == limits.findings:
            break
    return chosen


def _sub_questions(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    listed = [(str(each["id"]), str(each["text"])) for each in fields.get("sub_questions") or []]
    return listed or [("q1", str(fields.get("question", "")))]


def _terms_of(sub_question: tuple[str, str], passages: Mapping[str, PassageWords]) -> SubQuestionTerms:
    identity, text = sub_question
    found = names(text)
    missing = tuple(name.text for name in found if not any(name.stands_in(words) for words in passages.values()))
    named = frozenset(alias for alias, words in passages.items() if any(name.stands_in(words) for name in found))
    return SubQuestionTerms(identity, text, tuple(content_terms(text)), missing, named)


def _words_of(item: EvidenceItem) -> PassageWords:
    return PassageWords.of(item.title, *item.heading_path, item.text)


def _sentences_of(item: EvidenceItem) -> list[Candidate]:
    heading = content_terms(" ".join([item.title, *item.heading_path]))
    passage = _words_of(item)
    return [
        Candidate(unit, span, frozenset([*heading, *content_terms(item.text[slice(*span)])]), passage)
        for unit in units_of(item)
        for span in unit.sentences
    ]


def _lexical(
    sub_question: SubQuestionTerms, candidate: Candidate, weights: Mapping[str, float], unseen: float
) -> float:
    bonus = _NAMED_BONUS if candidate.item.alias in sub_question.named else 0.0
    return min(1.0, bonus + coverage(sub_question.terms, candidate.terms, weights, unseen))


def _findings(sub_question: SubQuestionTerms, chosen: Sequence[Candidate]) -> list[ProposedFinding]:
    """Return a finding for each sentence: the sentence, and the excerpt that is quoted for it and for others of it."""
    return [
        ProposedFinding(
            statement=" ".join(excerpt.item.text[slice(*span)].split()),
            sub_question=sub_question.id,
            quotes=[
                QuotedEvidence(evidence=excerpt.item.alias, quote=quote)
                for quote in dict.fromkeys((excerpt.item.text[slice(*span)], excerpt.text))
            ],
        )
        for excerpt in excerpts(Marked(each.unit, each.span) for each in chosen)
        for span in excerpt.marked
    ]


def _gaps(sub_question: SubQuestionTerms, hop: str, *, answered: bool) -> list[ProposedGap]:
    """Return the gap of a sub-question that a further search may close, or that nothing answers."""
    if hop or not answered:
        return [ProposedGap(sub_question=sub_question.id, missing=hop or _missing(sub_question))]
    return []


def _missing(sub_question: SubQuestionTerms) -> str:
    reason = f"No passage speaks of {', '.join(sub_question.missing)}" if sub_question.missing else "No passage answers"
    return f"{reason}: {sub_question.text}"


def _decision(findings: Sequence[ProposedFinding], gaps: Sequence[ProposedGap], rounds_left: int) -> Decision:
    if gaps and rounds_left > 0:
        return Decision.RESEARCH_MORE
    return Decision.ENOUGH if findings else Decision.NOTHING
