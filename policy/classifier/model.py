"""The trained weights, and the scores that they give to the windows of a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Literal, TypeAlias
from zipfile import BadZipFile

import numpy as np

from policy.classifier.features import SLOTS, Array, Grams, grams
from policy.classifier.windows import Span, sentences, windows
from state.errors import DependencyUnavailable

FORMAT = 2
WEIGHTS = "weights.npz"
DIMENSIONS = 384
"""Of the vectors of the embedding model."""

FEWEST_CHARS = 12
"""A shorter window says too little to be judged."""

SECOND_OPINIONS = 3
"""How many windows of a text are embedded at the most."""

HOST_CHARS = 200
"""How much other text makes a request one inside a document. A question alone is a question, and nobody's attack."""


class Kind(StrEnum):
    """What the classifier looks for."""

    INJECTION = "prompt_injection"
    REQUEST = "off_topic_request"


Place: TypeAlias = Literal["question", "evidence"]
"""Where a text stands. Manuals are full of orders to their readers, questions are not: each place has its weights."""

Task: TypeAlias = tuple[Kind, Place]
"""What is looked for, and where."""

TASKS: tuple[Task, ...] = (
    (Kind.INJECTION, "question"),
    (Kind.INJECTION, "evidence"),
    (Kind.REQUEST, "evidence"),
)


@dataclass(frozen=True)
class Scale:
    """What raw scores mean: `flag_at` counts as 0.5, `certain_at` as 0.9."""

    flag_at: float
    certain_at: float

    def share(self, raw: float) -> float:
        """Return a raw score on the scale from 0 to 1 on which thresholds are set."""
        slope = np.log(9.0) / (self.certain_at - self.flag_at)
        return float(1.0 / (1.0 + np.exp(-np.clip(slope * (raw - self.flag_at), -60.0, 60.0))))


Embed: TypeAlias = Callable[[str], Array]
"""Returns the vector of a text, from the embedding model that `Meaning.model` names."""


@dataclass(frozen=True)
class Meaning:
    """A second opinion on the likeliest windows, by what they mean: a weight for each dimension of their embedding.

    Words alone mistake manuals for orders; embedding every window would cost more than the search itself.
    """

    model: str
    weights: Array
    trust: float
    """The weight of the first opinion's raw score."""
    bias: float
    gate: float
    """Windows with a lower raw score get no second opinion, and pass."""
    scale: Scale

    def score(self, raw: float, vector: Array) -> float:
        """Return the score of a window, from its first opinion and its embedding."""
        return self.scale.share(self.trust * raw + float(vector @ self.weights) + self.bias)


@dataclass(frozen=True)
class Head:
    """The weights for one task, and the scale of their scores."""

    weights: Array
    bias: float
    scale: Scale
    meaning: Meaning | None = None


@dataclass(frozen=True)
class Finding:
    """The score of one kind in a window of a text."""

    kind: Kind
    score: float
    span: Span


@dataclass(frozen=True)
class Scored:
    """A window that was scored: by its words, and by its meaning if that was asked for; the later score counts."""

    kind: Kind
    span: Span
    words: float
    second_opinion: float | None
    score: float


Watch: TypeAlias = Callable[[Scored], None]
"""Is told of each window, for an explanation."""


def judge(
    text: str, place: Place, above: float, embed: Embed | None = None, watch: Watch | None = None
) -> list[Finding]:
    """Return the windows of the folded text that score more than `above`, for each kind that is looked for in `place`.

    Without `embed` there is no second opinion: words alone decide, on a scale of their own.

    Raises:
        DependencyUnavailable: the file of weights is missing or is not one of this version.
    """
    characters, words = grams(text)
    spans = [span for span in sentences(text) if span[1] - span[0] >= FEWEST_CHARS]
    found = []
    for (kind, where), head in heads().items():
        judged = windows_of(kind, text, spans) if where == place else []
        if judged:
            raw = raw_scores(head.weights, head.bias, (characters, words), judged)
            scores = _scores(head, raw, text, judged, embed)
            if watch is not None:
                asked = () if embed is None or head.meaning is None else _asked(head.meaning, raw)
                for at, score in scores.items():
                    alone = head.scale.share(float(raw[at]))
                    watch(Scored(kind, judged[at], alone, score if at in asked else None, score))
            found += [Finding(kind, score, judged[at]) for at, score in scores.items() if score > above]
    return found


def _scores(head: Head, raw: Array, text: str, spans: list[Span], embed: Embed | None) -> dict[int, float]:
    """Return the scores of the windows by their index: the likeliest, each with its second opinion, and the others.

    Where there are more likely windows than second opinions, words alone decide on the others: otherwise a text with
    enough decoys would hide an order. Windows that overlap one with a second opinion have none of their own.
    """
    order = [int(at) for at in np.argsort(-raw, kind="stable")]
    meaning = head.meaning
    if embed is None or meaning is None:
        return {at: head.scale.share(float(raw[at])) for at in order}
    likely = _asked(meaning, raw)
    scores = {at: meaning.score(float(raw[at]), embed(text[slice(*spans[at])])) for at in likely}
    others = (at for at in order[len(likely) :] if raw[at] > meaning.gate)
    apart = (at for at in others if not any(_overlap(spans[at], spans[seen]) for seen in likely))
    return {**scores, **{at: head.scale.share(float(raw[at])) for at in apart}}


def _asked(meaning: Meaning, raw: Array) -> list[int]:
    """Return the windows that get a second opinion, by their index, the likeliest first."""
    order = np.argsort(-raw, kind="stable")[:SECOND_OPINIONS]
    return [int(at) for at in order if raw[at] > meaning.gate]


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def windows_of(kind: Kind, text: str, spans: list[Span]) -> list[Span]:
    """Return the windows in which `kind` is looked for, given the sentences of `text`."""
    if kind is Kind.INJECTION:
        return list(dict.fromkeys([*windows(spans), *spans]))
    return [(start, end) for start, end in spans if len(text) - (end - start) >= HOST_CHARS]


def raw_scores(weights: Array, bias: float, found: tuple[list[Grams], list[Grams]], spans: list[Span]) -> Array:
    """Return the raw score of each span of the text whose n-grams were `found`."""
    starts, ends = np.array(spans, dtype=np.int64).T
    scores = np.full(len(spans), bias)
    for sizes in found:
        sums = np.zeros(len(spans))
        counts = np.zeros(len(spans))
        for each in sizes:
            first = np.searchsorted(each.starts, starts, side="left")
            last = np.maximum(first, np.searchsorted(each.ends, ends, side="right"))
            running = np.concatenate([[0.0], np.cumsum(weights[each.slots])])
            sums += running[last] - running[first]
            counts += last - first
        scores += sums / np.sqrt(np.maximum(counts, 1.0))
    return scores


@cache
def heads() -> dict[Task, Head]:
    """Return the trained head of each task, loaded once.

    Raises:
        DependencyUnavailable: the file of weights is missing or is not one of this version.
    """
    try:
        data = np.load(BytesIO(files("policy.classifier").joinpath(WEIGHTS).read_bytes()), allow_pickle=False)
        card = json.loads(str(data["card"]))
        return {task: _head(data, card, stored_as(task)) for task in TASKS}
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise DependencyUnavailable(
            f"the guard's weights `{WEIGHTS}` cannot be read",
            hint="reinstall `sixplane`, or train them again with `python -m policy.train`",
        ) from error


def stored_as(task: Task) -> str:
    """Return the name of a task's weights in the file; those of its second opinion have `meaning_of` of that.

    >>> stored_as((Kind.REQUEST, "evidence"))
    'off_topic_request in evidence'
    """
    kind, place = task
    return f"{kind.value} in {place}"


def meaning_of(name: str) -> str:
    """Return the name under which the second opinion of a task is stored."""
    return f"{name}, by meaning"


def _head(data: Mapping[str, Array], cards: Mapping[str, Any], name: str) -> Head:
    if cards["format"] != FORMAT:
        raise ValueError("weights of another version")
    stored, card = data[name], cards["heads"][name]
    if stored.dtype != np.int8 or stored.shape != (2 * SLOTS,):
        raise ValueError("weights of another form")
    meaning = None if card["meaning"] is None else _meaning(data[meaning_of(name)], card["meaning"])
    return Head(stored.astype(np.float64) * card["step"], card["bias"], Scale(*card["scale"]), meaning)


def _meaning(stored: Array, card: Mapping[str, Any]) -> Meaning:
    if stored.shape != (DIMENSIONS,):
        raise ValueError("a meaning of another form")
    return Meaning(
        model=card["model"],
        weights=stored.astype(np.float64),
        trust=card["trust"],
        bias=card["bias"],
        gate=card["gate"],
        scale=Scale(*card["scale"]),
    )
