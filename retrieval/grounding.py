"""Whether the cited spans support a claim: the port `SupportScorer` and its local implementation.

The other implementation, a chat model as judge, is `nodes.verifier.ChatModelScorer`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from state.values import Support, Value

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|nor|cannot|without|\w+n['’]t)\b", re.IGNORECASE)
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "might",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "should",
        "so",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "was",
        "we",
        "were",
        "which",
        "will",
        "with",
        "would",
    ]
)

"""Words too common to show what a claim is about. Negations are not among them: they decide contradictions."""

# Written as stems: "increas" matches increase, increases, increased and increasing.
_OPPOSITES = (
    ("increas", "decreas"), ("increas", "reduc"), ("rais", "lower"), ("higher", "lower"), ("high", "low"),
    ("more", "less"), ("more", "fewer"), ("larger", "smaller"), ("before", "after"), ("above", "below"),
    ("improv", "worsen"), ("positive", "negative"), ("activat", "inhibit"), ("promot", "inhibit"),
    ("promot", "prevent"), ("enhanc", "impair"), ("gain", "loss"), ("open", "clos"), ("allow", "refus"),
    ("accept", "reject"), ("first", "last"), ("minimum", "maximum"), ("always", "never"),
)  # fmt: skip


class SupportScore(Value):
    """A verdict with its score, from 0 (nothing in common) to 1 (stated literally)."""

    verdict: Support
    score: float


class SupportScorer(ABC):
    """Scores a claim against the spans it cites."""

    name: str

    @abstractmethod
    async def score(self, claim: str, spans: Sequence[str]) -> SupportScore:
        """Return the verdict on `claim`. An outage raises its error; it never becomes a verdict."""


class LocalSupportScorer(SupportScorer):
    """Scores by shared words and embedding similarity; needs no model besides the embeddings.

    A claim is supported if the spans contain it literally, or if `containment` and similarity are high together. It is
    contradicted if nearly all its words are in the spans, but a number differs, only one side is negated, or the two
    use opposite words. The scorer compares words and does not understand logic: it often calls a paraphrase
    unsupported, which drops a claim but never invents one. Measured against human labels by `benchmarks/grounding.py`:
    precision of `supported` 0.75 and recall 0.33 on SciFact's dev claims, 0.56 and 0.50 on WiCE's test claims. It
    always recognises literal claims, which the extractive model writes. Configure a chat model as judge for models
    that paraphrase.
    """

    # Both thresholds and the weights below are the ones that the figures above were measured with.

    def __init__(self, embeddings: Embeddings, *, supported: float = 0.62, related: float = 0.75) -> None:
        self._embeddings = embeddings
        self._supported = supported
        self._related = related
        self.name = "local"

    async def score(self, claim: str, spans: Sequence[str]) -> SupportScore:
        cited = " ".join(spans)
        if _normal(claim) in _normal(cited):
            return SupportScore(verdict=Support.SUPPORTED, score=1.0)
        contained, similar = containment(claim, cited), await self._similarity(claim, spans)
        value = round(0.6 * contained + 0.4 * similar, 4)
        if contained >= self._related and opposed(claim, cited):
            return SupportScore(verdict=Support.CONTRADICTED, score=value)
        if value >= self._supported and not foreign_numbers(claim, cited) and not _says_opposite(claim, cited):
            return SupportScore(verdict=Support.SUPPORTED, score=value)
        return SupportScore(verdict=Support.UNSUPPORTED, score=value)

    async def _similarity(self, claim: str, spans: Sequence[str]) -> float:
        if not spans:
            return 0.0
        vectors = np.asarray(await self._embeddings.aembed_documents([claim, *spans]), dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return float(np.clip(vectors[1:] @ vectors[0], 0.0, 1.0).max())


def containment(claim: str, cited: str) -> float:
    """Return the share of the claim's content words that occur in `cited`, compared by their first six letters."""
    words, other = _content(claim), _content(cited)
    return len(words & other) / len(words) if words else 0.0


def foreign_numbers(claim: str, cited: str) -> bool:
    """Return whether the claim contains a number that the spans do not."""
    return bool(set(_NUMBER.findall(claim)) - set(_NUMBER.findall(cited)))


def opposed(claim: str, cited: str) -> bool:
    """Return whether only one side is negated, the numbers differ, or the sides use opposite words."""
    negated = bool(_NEGATION.search(claim)) != bool(_NEGATION.search(cited))
    return negated or (foreign_numbers(claim, cited) and bool(_NUMBER.search(cited))) or _says_opposite(claim, cited)


def _says_opposite(claim: str, cited: str) -> bool:
    """Return whether the claim uses one word of a pair of opposites and the spans only the other one."""
    said, stands = claim.lower().split(), cited.lower().split()

    def uses(words: list[str], stem: str) -> bool:
        return any(word.startswith(stem) for word in words)

    return any(
        uses(said, one) and not uses(said, other) and uses(stands, other) and not uses(stands, one)
        for pair in _OPPOSITES
        for one, other in (pair, pair[::-1])
    )


def _content(text: str) -> set[str]:
    # Six letters stand in for a stemmer: they join inflections and need no language data.
    return {word[:6] for word in _WORD.findall(text.lower()) if word not in _STOP}


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
