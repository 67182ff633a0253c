"""The extractive analyzer: which sentences of the evidence answer which sub-question, and which stay open.

It works in two steps, so that the caller can embed in between, synchronously or asynchronously: `reading.candidates`
selects the sentences worth embedding by their words alone, and `analyse` ranks these with their vectors.

A sub-question is answered, partly answered or open (`ranker`): answered if what is quoted probably answers it; open,
and without findings, if the evidence does not even speak of it; in between, the closest passages are quoted and the gap
is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gateway.extractive.asking.fitting import fits, says_default, told_by_row
from gateway.extractive.features import (
    SENTENCE_FEATURES,
    Array,
    Question,
    answer_features,
    question_of,
    sentence_features,
)
from gateway.extractive.ranker import trained_ranker
from gateway.extractive.ranking import Vectors, fold, stem, unit_rows
from gateway.extractive.reading import Candidate, Reading, SubQuestion
from gateway.extractive.units import Marked, dangles, excerpts
from state.roles import Analysis, Decision, ProposedFinding, ProposedGap, QuotedEvidence

_A_PASSAGE = 2  # of the best sentences; a chosen value
_A_DOCUMENT = 4  # of them, so that one long document does not crowd out the others; likewise
_MARGIN = 3.0  # log odds below the best sentence, from which on a sentence says nothing for an answer; a chosen value
_SIBLING = 2.0  # log odds that a sentence loses without the names that another one of its document holds; likewise
_NEAR = 0.5  # of the best cosine, below which a passage is not close; a chosen value
_THING = re.compile(r"(?:the|this|that|these|those|such an?) (\w+)", re.IGNORECASE)
_BEST = 4  # sentences by the ranker alone; the others are the nearest ones; a chosen value


@dataclass(frozen=True)
class Limits:
    """How much the analyzer reads and returns.

    Args:
        embedded: the most sentences to embed.
        answered: the most sentences that are quoted for an answered sub-question.
        closest: the most sentences that are quoted where the answer is not certain.
    """

    embedded: int = 60
    answered: int = 3
    closest: int = 6


@dataclass(frozen=True)
class Answer:
    """What is quoted for a sub-question, best first, and the probability that this answers it.

    `about` says whether the evidence speaks of it at all, `likely` whether the probability is high enough, `alone`
    whether it is no alternative of others, `typed` whether it holds a date, number, person or place if one is asked
    for, and `fitting` whether it has the form of an answer to what is asked.
    """

    chosen: tuple[Candidate, ...]
    probability: float
    about: bool
    likely: bool = False
    alone: bool = True
    typed: bool = True
    fitting: bool = True

    @property
    def certain(self) -> bool:
        """Whether it counts as answered."""
        return self.about and self.alone and self.typed and self.fitting and self.likely


def analyse(reading: Reading, rows: Sequence[Sequence[float]], limits: Limits, *, rounds_left: int) -> Analysis:
    """Return the findings and gaps, given the vectors of `reading.texts`."""
    vectors = unit_rows(rows)
    asked, rest = vectors[: len(reading.asked)], vectors[len(reading.asked) :]
    answers = _answers(reading, asked, rest, limits)
    findings = [finding for each, answer in answers.items() for finding in _findings(each, answer.chosen)]
    # What the evidence does not speak of has no second hop.
    hops = {each.id: reading.hops[each.id] for each in answers if answers[each].about and each.id in reading.hops}
    gaps = _gaps(answers, hops)
    closable = bool(hops) or any(not answer.chosen for answer in answers.values())
    return Analysis(
        findings=findings,
        gaps=gaps,
        decision=_decision(findings, gaps, rounds_left if closable else 0),
        probabilities={each.id: round(answer.probability, 4) for each, answer in answers.items()},
    )


def _answers(reading: Reading, asked: Vectors, rest: Vectors, limits: Limits) -> dict[SubQuestion, Answer]:
    """Return the answer to each sub-question.

    The questions that several bridges ask are alternatives: none is certain, since no one knows which bridge is right.
    If no earlier round found what speaks of the question, only what is certain stays: a bridge, or the question in
    other words, always finds something on the most common of its names.
    """
    answers = {each: answer_to(reading, each, asked[n], rest, limits) for n, each in enumerate(reading.asked)}
    latest = max((each.round for each in answers), default=1)
    others = [each for each in answers if each.round == latest > 1]
    if len(others) > 1:
        answers |= {each: replace(answers[each], alone=False) for each in others}
    if reading.spoken_of:
        return answers
    return {each: one if one.certain else Answer((), one.probability, about=False) for each, one in answers.items()}


def answer_to(reading: Reading, sub_question: SubQuestion, asked: Vectors, vectors: Vectors, limits: Limits) -> Answer:
    """Return what is quoted for one sub-question; nothing if the evidence does not speak of it.

    Args:
        reading: what was read.
        sub_question: one of its sub-questions.
        asked: its vector.
        vectors: those of the sentences.
        limits: how much is quoted.
    """
    if not reading.sentences or sub_question.absent:
        return Answer((), 0.0, about=False)
    ranker, question = trained_ranker(), question_of(sub_question.reads, reading)
    features = sentence_features(question, reading.sentences, asked, vectors)
    scores = _without_siblings(question, reading.sentences, features, ranker.scores(features))
    if "default" in question.kinds:
        scores = _defaults_first(question, reading.sentences, scores)
    best = best_of(reading.sentences, scores, limits.closest)
    row = answer_features(question, reading.sentences, features, scores, best)
    # A summary names nothing that a passage could speak of, and who asks for help may not know the words.
    broad = sub_question.vague or ("summary" in question.kinds and not sub_question.missing)
    if not broad and ranker.speaks_of(row) < ranker.about:
        return Answer((), 0.0, about=False)
    likely = ranker.answers(row) or told_by_row(question, reading.sentences[best[0]])
    lacking = features[best[: limits.answered], SENTENCE_FEATURES.index("typed_lacking")]
    typed = not (len(lacking) and lacking.all())
    most = limits.closest if "list" in question.kinds else limits.answered
    kept = near_best(scores, best, most)
    fitting = fits(question, [reading.sentences[index] for index in kept])
    if sub_question.untold and not (likely and typed and fitting):
        return Answer((), 0.0, about=False)
    if not (likely and typed and fitting):
        kept = _with_nearest(reading.sentences, features, best, limits.closest)
    chosen = tuple(reading.sentences[index] for index in kept)
    return Answer(chosen, ranker.probability(row), about=True, likely=likely, typed=typed, fitting=fitting)


def near_best(scores: Sequence[float], best: Sequence[int], most: int) -> list[int]:
    """Return the indices of the best sentence and of those of `best`, `most` in all, that are ranked near it."""
    return [*best[:1], *(index for index in best[1:most] if scores[index] >= scores[best[0]] - _MARGIN)]


def _with_nearest(found: Sequence[Candidate], features: Array, best: Sequence[int], most: int) -> list[int]:
    """Return the best sentences by the ranker alone, then the ones nearest to the question."""
    cosines = [float(each) for each in features[:, 0]]
    near = sorted((n for n, each in enumerate(cosines) if each >= _NEAR * max(cosines)), key=lambda n: -cosines[n])
    return _filled(found, best[:_BEST], near, most)


def _without_siblings(
    question: Question, found: Sequence[Candidate], features: Array, scores: Sequence[float]
) -> list[float]:
    """Return the scores, lower where another sentence of the document holds more of the names: `Tariff B`, not `A`."""
    shares = _carried(question, found, [float(each) for each in features[:, SENTENCE_FEATURES.index("names")]])
    most: dict[str, float] = {}
    for each, share in zip(found, shares, strict=True):
        most[each.document] = max(share, most.get(each.document, 0.0))
    return [
        score - _SIBLING * (most[each.document] - share)
        for each, share, score in zip(found, shares, scores, strict=True)
    ]


def _carried(question: Question, found: Sequence[Candidate], shares: Sequence[float]) -> list[float]:
    """Return the share of the names that each sentence speaks of: also those before it that it takes up.

    "A VPN certificate is issued by the service desk. The certificate expires after a year." is all about the first.
    """
    carried = list(shares)
    order = sorted(range(len(found)), key=lambda each: (found[each].item.alias, found[each].span))
    for before, index in pairwise(order):
        if found[before].item.alias == found[index].item.alias and _goes_on(question, found[index]):
            carried[index] = max(carried[index], carried[before])
    return carried


def _goes_on(question: Question, each: Candidate) -> bool:
    """Return whether a sentence begins with what was named before it: "It …", or "The certificate …" if it is asked."""
    thing = _THING.match(each.quote)
    known = thing is not None and stem(fold(thing[1])) in question.terms
    return each.unit.kind == "prose" and (known or dangles(each.quote))


def _defaults_first(question: Question, found: Sequence[Candidate], scores: Sequence[float]) -> list[float]:
    """Return the scores, lower beside a sentence that says a default: `it can be disabled by …` is no value."""
    says = [says_default(question, each) for each in found]
    documents = {each.document for each, one in zip(found, says, strict=True) if one}
    return [
        score - _SIBLING * (each.document in documents and not one)
        for each, one, score in zip(found, says, scores, strict=True)
    ]


def best_of(found: Sequence[Candidate], scores: Sequence[float], most: int) -> list[int]:
    """Return the indices of the best sentences, best first: two of a passage, four of a document, and none twice."""
    return _filled(found, [], sorted(range(len(scores)), key=lambda each: -scores[each]), most)


def _filled(found: Sequence[Candidate], chosen: Sequence[int], others: Iterable[int], most: int) -> list[int]:
    """Return `chosen` with the first of `others` that say something new, within the bounds of passage and document.

    A table or note that several passages hold takes no second place: what answers in it is marked in the first one.
    """
    filled = list(chosen)
    for index in others:
        same = [found[each] for each in filled if found[each].document == found[index].document]
        beside = sum(each.item.alias == found[index].item.alias for each in same)
        new = not any(found[index].repeats(found[each]) for each in filled)
        if len(filled) < most and beside < _A_PASSAGE and len(same) < _A_DOCUMENT and new:
            filled.append(index)
    return filled


def _findings(sub_question: SubQuestion, chosen: Sequence[Candidate]) -> list[ProposedFinding]:
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


def _gaps(answers: Mapping[SubQuestion, Answer], hops: Mapping[str, str]) -> list[ProposedGap]:
    """Return a gap for each sub-question that has another hop, or that what is quoted may not answer.

    Those of a later round are alternatives: if one is answered, none is open; if none has findings, code says so.
    """
    latest = max((each.round for each in answers), default=1)
    settled = latest > 1 and any(answer.certain for each, answer in answers.items() if each.round == latest)
    return [
        ProposedGap(sub_question=each.id, missing=hops.get(each.id) or _missing(each))
        for each, answer in answers.items()
        if each.id in hops
        or not (answer.certain or (each.round > 1 and (not answer.chosen or (settled and each.round == latest))))
    ]


def _missing(sub_question: SubQuestion) -> str:
    reason = f"No passage speaks of {', '.join(sub_question.missing)}" if sub_question.missing else "No passage answers"
    return f"{reason}: {sub_question.text}"


def _decision(findings: Sequence[ProposedFinding], gaps: Sequence[ProposedGap], rounds_left: int) -> Decision:
    if gaps and rounds_left > 0:
        return Decision.RESEARCH_MORE
    return Decision.ENOUGH if findings else Decision.NOTHING
