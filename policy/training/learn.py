"""From texts to weights: which windows are examples of what, the fit, and the thresholds by cross-validation."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from policy.classifier.features import Array, grams
from policy.classifier.model import FEWEST_CHARS, Kind, Task, raw_scores, windows_of
from policy.classifier.windows import Span, sentences, windows
from policy.normalise import fold
from policy.training.fit import Matrix, fitted, row_of
from policy.training.phrases import PhraseKind, mangled, phrases
from policy.training.sources import Text

FOLDS = 5
NOTHING = -1000.0
"""The score of a text in which nothing is judged."""

_WORDINGS = 14
_PENALTY = 0.1
_MOST_WINDOWS = 8
_SENTENCES = 3
"""Sentences of a harmless prompt, and likely ones of a hostile prompt, that are examples by themselves."""

_LABELS: dict[Task, dict[PhraseKind, tuple[int, float]]] = {
    (Kind.INJECTION, "question"): {"injection": (1, 1.0), "request": (0, 0.3), "ordinary": (0, 1.0)},
    (Kind.INJECTION, "evidence"): {
        "injection": (1, 1.0),
        "request": (0, 0.3),
        "ordinary": (0, 1.0),
        "document": (0, 1.0),
    },
    (Kind.REQUEST, "evidence"): {"injection": (1, 0.2), "request": (1, 0.3), "document": (0, 1.0)},
}
"""For each task, whether phrases are examples for or against it, and how much they count."""


@dataclass(frozen=True)
class Example:
    """A window that speaks for (1) or against (0) a kind. Those of one group are never on both sides of a fold."""

    text: str
    label: int
    importance: float
    group: str

    @property
    def fold(self) -> int:
        """The fold of cross-validation in which it is left out."""
        return fold_of(self.group)


def fold_of(group: str) -> int:
    """Return the fold that a group is left out in."""
    return int(hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest(), 16) % FOLDS


def examples(task: Task, texts: Iterable[Text], chance: random.Random) -> list[Example]:
    """Return the examples for `task` in `texts` and in the written phrases, some of them with slips."""
    own = [
        Example(fold(text).text, label, importance, phrase.template)
        for source, (label, importance) in _LABELS[task].items()
        for phrase in phrases(source, _WORDINGS, chance)
        for text in (phrase.text, mangled(phrase.text, chance))
    ]
    given = [example for text in texts for example in _of_text(task[0], text, chance)]
    return [*own, *given]


def _of_text(kind: Kind, text: Text, chance: random.Random) -> list[Example]:
    plain = fold(text.text).text
    spans = [span for span in sentences(plain) if span[1] - span[0] >= FEWEST_CHARS]
    if kind is Kind.REQUEST:
        return _in_document(text, plain, spans)
    whole = windows(spans)
    if not text.hostile:
        shown = [*whole[:_MOST_WINDOWS], *chance.sample(spans, min(_SENTENCES, len(spans)))]
        return [Example(plain[start:end], 0, 1.0, text.group) for start, end in dict.fromkeys(shown)]
    found = [Example(plain[start:end], 1, 2.0, text.group) for start, end in whole[:_MOST_WINDOWS]]
    if chance.random() < 0.3:
        found += [Example(mangled(each.text, chance), 1, 1.0, text.group) for each in found[:2]]
    return found


def _in_document(text: Text, plain: str, spans: list[Span]) -> list[Example]:
    """Return a document's sentences: with an attack only those of the attack, as all else would teach the context."""
    if not text.hostile:
        return [Example(plain[start:end], 0, 1.0, text.group) for start, end in spans]
    attack = fold(text.attack).text
    at = plain.find(attack)
    inside = [(start, end) for start, end in spans if at - 1 <= start and end <= at + len(attack) + 1]
    return [Example(plain[start:end], 1, 1.0, text.group) for start, end in inside]


def trained(kind: Kind, found: Sequence[Example], texts: Sequence[Text], without: int | None = None) -> Array:
    """Return the weights for `kind` and the bias, fitted to all examples or to those of all folds but one.

    For injections it is fitted twice: a jailbreak's likeliest sentences become examples of their own the second time,
    since most of its sentences alone are harmless.
    """
    used = _distinct(each for each in found if each.fold != without)
    weights = _fit(used)
    if kind is Kind.INJECTION:
        hostile = [text for text in texts if text.hostile and fold_of(text.group) != without]
        weights = _fit([*used, *(example for text in hostile for example in _likeliest(weights, text))], weights)
    return weights


def _distinct(found: Iterable[Example]) -> list[Example]:
    """Return each text once: the same attack stands in several documents."""
    return list({(each.text, each.label): each for each in found}.values())


def _fit(found: Sequence[Example], start: Array | None = None) -> Array:
    matrix = Matrix([row_of(each.text) for each in found])
    labels = np.array([each.label for each in found], dtype=np.float64)
    importance = np.array([each.importance for each in found]) * np.where(labels == 1, 2.0, 1.0)
    return fitted(matrix, labels, importance, _PENALTY, start)


def _likeliest(weights: Array, text: Text) -> list[Example]:
    plain = fold(text.text).text
    spans = [span for span in sentences(plain) if span[1] - span[0] >= FEWEST_CHARS]
    if len(spans) < 2:
        return []
    raw = raw_scores(weights[:-1], weights[-1], grams(plain), spans)
    best = [at for at in np.argsort(-raw)[:_SENTENCES] if raw[at] > 0]
    return [Example(plain[slice(*spans[at])], 1, 1.0, text.group) for at in best]


@dataclass(frozen=True)
class Likeliest:
    """The window of a text with the highest raw score; none in a text without windows."""

    raw: float
    window: str


def likeliest(kind: Kind, weights: Array, text: str) -> Likeliest:
    """Return the window of a text that has the highest raw score."""
    plain = fold(text).text
    spans = [span for span in sentences(plain) if span[1] - span[0] >= FEWEST_CHARS]
    judged = windows_of(kind, plain, spans)
    if not judged:
        return Likeliest(NOTHING, "")
    raw = raw_scores(weights[:-1], weights[-1], grams(plain), judged)
    best = int(np.argmax(raw))
    return Likeliest(float(raw[best]), plain[slice(*judged[best])])


def left_out(kind: Kind, found: Sequence[Example], texts: Sequence[Text]) -> list[Likeliest]:
    """Return each text's likeliest window by weights that saw neither it nor its group."""
    seen: dict[int, Likeliest] = {}
    for without in range(FOLDS):
        weights = trained(kind, found, texts, without)
        for at, text in enumerate(texts):
            if fold_of(text.group) == without:
                seen[at] = likeliest(kind, weights, text.text)
    return [seen[at] for at in range(len(texts))]
