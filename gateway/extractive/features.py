"""What the ranker knows of a sentence and of an answer, as numbers. Pure functions.

A sentence's features compare it with one sub-question; an answer's features describe the best sentences and what of
the sub-question they leave open.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gateway.extractive.descriptions import family, has_hop
from gateway.extractive.named_terms import Name, names
from gateway.extractive.ranking import Vectors, content_terms, coverage, words
from gateway.extractive.reading import Candidate, Reading
from gateway.extractive.terms.asked import Kind, folded_line, holds, kinds_of, typed
from gateway.extractive.terms.spelling import spelled

Array = npt.NDArray[np.float64]

_PLAIN = (
    "cosine", "cosine_below_best", "coverage", "coverage_alone", "coverage_of_passage", "rarest_term",
    "rarest_in_passage", "names", "names_in_passage", "title_is_asked", "pairs", "new_words", "new_names",
    "passage_score", "passage_rank", "first", "position", "length", "short", "is_list", "is_table", "is_error",
    "is_code", "near_cosine", "relation", "typed_held", "typed_lacking", "formal_held", "formal_lacking",
    "cosine_x_coverage",
)  # fmt: skip

IN_SECTION = "in_section"
"""Whether the passage stands under headings, as those of manuals do; ends the names of what counts only there."""

SENTENCE_FEATURES = (*_PLAIN, *(f"{name}_{IN_SECTION}" for name in _PLAIN), IN_SECTION)
"""The numbers of `sentence_features`, in order. Each counts once more in a section: there the first sentence says less,
and the section that is nearest to the question says more, than in an article of one passage."""

ANSWER_FEATURES = (
    "best", "second", "cosine", "cosine_second", "coverage", "coverage_together", "coverage_of_passage",
    "names_missing", "names_apart", "rarest_missing", "typed_lacking", "formal_lacking", "terms", "relations", "names",
    "hop", "hop_cosine", "yes_no", "comparison", "relation", IN_SECTION, f"best_{IN_SECTION}",
)  # fmt: skip
"""The numbers of `answer_features`, in order."""

_NOTHING = -6.0  # the log odds where there is no sentence
_MOST_NAMES = 2
_CAPITALS = re.compile(r"(?<!^)\b(?:[A-Z]\w+|\d[\d.,]*)")
_RELATIONS = re.compile(r"\bof\b|['’]s?\b|\bwho(?:se)?\b|\bwhich\b|\bthat\b|\bwhere\b|\bby\b|\bvon\b|\bdes\b|\bder\b")


@dataclass(frozen=True)
class Question:
    """One sub-question as it is compared: each term as the evidence spells it."""

    text: str
    terms: tuple[str, ...]
    weights: Mapping[str, float]
    unseen: float
    names: tuple[Name, ...]
    kinds: frozenset[Kind]
    known: frozenset[str]

    @cached_property
    def relation(self) -> frozenset[str]:
        """The families of its content words outside its names: what is asked of what it names."""
        named = {word for name in self.names for word in (*name.core, *name.qualifiers)}
        return frozenset(family(term) for term in self.terms if term not in named)

    def related(self, said_terms: Iterable[str]) -> float:
        """Return the share of the words outside its names that a sentence of `said_terms` says, in any form."""
        said = {family(term) for term in said_terms}
        return len(self.relation & said) / len(self.relation) if self.relation else 1.0

    @cached_property
    def rarest(self) -> str:
        """The term with the greatest weight; the longest of several."""
        return max(self.terms, key=lambda term: (self.weights.get(term, self.unseen), len(term)), default="")

    def covered(self, present: frozenset[str]) -> float:
        """Return the weighted share of the terms that are `present`."""
        return coverage(self.terms, present, self.weights, self.unseen)


def question_of(text: str, reading: Reading) -> Question:
    """Return `text` with each of its terms as the evidence spells it."""
    vocabulary = frozenset(reading.weights)
    terms = tuple(dict.fromkeys(spelled(term, vocabulary) for term in content_terms(text)))
    return Question(
        text, terms, reading.weights, reading.unseen, tuple(names(text)), kinds_of(text), frozenset(words(text))
    )


def sentence_features(question: Question, found: Sequence[Candidate], asked: Vectors, vectors: Vectors) -> Array:
    """Return a row for each of `found`.

    Args:
        question: what is asked.
        found: the sentences.
        asked: the vector of the question.
        vectors: the vector of each sentence.
    """
    near = np.asarray(vectors @ asked, dtype=np.float64) if found else np.zeros(0)
    best = float(near.max(initial=0.0))
    ranks = {alias: rank for rank, alias in enumerate(dict.fromkeys(_by_score(found)), 1)}
    close: dict[str, list[float]] = {}
    for each, cosine in zip(found, near, strict=True):
        close.setdefault(each.item.alias, []).append(float(cosine))
    rows = []
    for each, cosine in zip(found, near, strict=True):
        others = sorted(close[each.item.alias], reverse=True)
        beside = others[1] if len(others) > 1 and others[0] == float(cosine) else others[0]
        cover = question.covered(each.terms)
        rows.append(
            [
                float(cosine),
                best - float(cosine),
                *_lexical(question, each, cover),
                each.item.score or 0.0,
                1 / ranks[each.item.alias],
                *_place(each),
                beside,
                question.related(each.own_terms),
                *_held(question, each),
                float(cosine) * cover,
            ]
        )
    plain = np.asarray(rows, dtype=np.float64).reshape(len(rows), len(_PLAIN))
    inside = np.asarray([[float(bool(each.item.heading_path))] for each in found]).reshape(len(rows), 1)
    return np.hstack([plain, plain * inside, inside])


def answer_features(
    question: Question, found: Sequence[Candidate], features: Array, scores: Sequence[float], chosen: Sequence[int]
) -> Array:
    """Return the row of an answer.

    Args:
        question: what is asked.
        found: all sentences.
        features: their features.
        scores: their scores, as log odds.
        chosen: the indices of those that are quoted, best first.
    """
    top = [scores[index] for index in chosen] or [_NOTHING]
    rows = features[list(chosen)] if chosen else np.zeros((1, len(SENTENCE_FEATURES)))
    column = {name: rows[:, position] for position, name in enumerate(SENTENCE_FEATURES)}
    together = frozenset(term for index in chosen for term in found[index].terms)
    cosines = sorted((float(each) for each in features[:, 0]), reverse=True) or [0.0]
    hop = float(has_hop(question.text, question.names))
    return np.asarray(
        [
            top[0],
            top[min(1, len(top) - 1)],
            cosines[0],
            cosines[min(1, len(cosines) - 1)],
            float(column["coverage"][0]),
            question.covered(together),
            float(features[:, SENTENCE_FEATURES.index("coverage_of_passage")].max(initial=0.0)),
            *_names_missed(question, found),
            float(question.rarest not in together),
            *(float(column[name][:3].max()) for name in ("typed_lacking", "formal_lacking")),
            math.log1p(len(question.terms)),
            len(_RELATIONS.findall(question.text.lower())),
            min(len(question.names), _MOST_NAMES),
            hop,
            hop * cosines[0],
            *(float(kind in question.kinds) for kind in ("yes_no", "comparison")),
            float(column["relation"][:3].max()),
            float(column[IN_SECTION][0]),
            float(column[IN_SECTION][0]) * top[0],
        ],
        dtype=np.float64,
    )


def _names_missed(question: Question, found: Sequence[Candidate]) -> tuple[float, float]:
    """Return the share of the names that no passage holds, and the share that the best passage does not hold."""
    passages = {each.item.alias: each.passage for each in found}.values()
    count = len(question.names)
    if not count:
        return 0.0, 0.0
    stands = [[name.stands_in(passage) for passage in passages] for name in question.names]
    missing = sum(not any(row) for row in stands)
    together = max((sum(column) for column in zip(*stands, strict=True)), default=0)
    return missing / count, 1 - together / count


def _by_score(found: Sequence[Candidate]) -> list[str]:
    return [each.item.alias for each in sorted(found, key=lambda each: -(each.item.score or 0.0))]


def _lexical(question: Question, each: Candidate, cover: float) -> list[float]:
    own = each.own_terms
    alone = frozenset(own)
    rarest, count = question.rarest, len(question.names)
    title = content_terms(each.item.title)
    pairs, said = set(pairwise(question.terms)), set(pairwise(own))
    fresh = [term for term in own if term not in question.terms]
    capitals = set(_CAPITALS.findall(each.quote))
    here = each.words
    return [
        cover,
        question.covered(alone),
        question.covered(each.passage.present),
        float(rarest in each.terms),
        float(rarest in each.passage.present),
        sum(name.stands_in(here) for name in question.names) / count if count else 0.0,
        sum(name.stands_in(each.passage) for name in question.names) / count if count else 0.0,
        sum(term in question.terms for term in title) / len(title) if title else 0.0,
        len(pairs & said) / max(1, len(pairs)),
        math.log1p(len(fresh)),
        math.log1p(sum(not question.known.issuperset(words(word)) for word in capitals)),
    ]


def _place(each: Candidate) -> list[float]:
    length = len(each.quote.split())
    before = each.item.text.count(" ", 0, each.span[0])
    kind = each.unit.kind
    return [
        float(before < 8),
        math.log1p(before),
        math.log1p(length),
        float(length < 6),
        float(kind == "list"),
        float(kind == "table"),
        float(kind == "error"),
        float(each.is_code),
    ]


def _held(question: Question, each: Candidate) -> list[float]:
    """Return whether a sentence holds, and lacks, what is asked for: first a date or the like, then the rest."""
    line = folded_line(each.quote)
    result: list[float] = []
    of_type = typed(question.kinds)
    for kinds in (of_type, question.kinds - of_type - {"yes_no", "summary"}):
        held = [holds(kind, each.quote, line, each.unit.kind, question.known) for kind in kinds]
        result += [float(any(held)), float(bool(held) and not any(held))]
    return result
