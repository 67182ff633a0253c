"""The trained weights, and the scores that they give to the windows of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
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

FORMAT = 1
WEIGHTS = "weights.npz"
FEWEST_CHARS = 12
"""A shorter window says too little to be judged."""

HOST_CHARS = 200
"""How much other text makes a request one inside a document. A question alone is a question, and nobody's attack."""


class Kind(StrEnum):
    """What the classifier looks for."""

    INJECTION = "prompt_injection"
    REQUEST = "off_topic_request"


Place: TypeAlias = Literal["question", "evidence"]
"""Where a text stands. Manuals are full of orders to their readers, so evidence needs more to be suspicious."""


@dataclass(frozen=True)
class Scale:
    """What raw scores mean in one place: `flag_at` counts as 0.5, `certain_at` as 0.9."""

    flag_at: float
    certain_at: float

    def share(self, raw: float) -> float:
        """Return a raw score on the scale from 0 to 1 on which thresholds are set."""
        slope = np.log(9.0) / (self.certain_at - self.flag_at)
        return float(1.0 / (1.0 + np.exp(-np.clip(slope * (raw - self.flag_at), -60.0, 60.0))))


@dataclass(frozen=True)
class Head:
    """The weights for one kind, and its scale in each place where it is looked for."""

    weights: Array
    bias: float
    scales: Mapping[str, Scale]


@dataclass(frozen=True)
class Finding:
    """The highest score of one kind in a text, and the window that has it."""

    kind: Kind
    score: float
    span: Span


def judge(text: str, place: Place) -> list[Finding]:
    """Return the highest score of each kind that is looked for in `place`, and the window of the folded text.

    Raises:
        DependencyUnavailable: the file of weights is missing or is not one of this version.
    """
    characters, words = grams(text)
    spans = [span for span in sentences(text) if span[1] - span[0] >= FEWEST_CHARS]
    found = []
    for kind, head in heads().items():
        judged = windows_of(kind, text, spans) if place in head.scales else []
        if judged:
            raw = raw_scores(head.weights, head.bias, (characters, words), judged)
            best = int(np.argmax(raw))
            found.append(Finding(kind, head.scales[place].share(float(raw[best])), judged[best]))
    return found


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
def heads() -> dict[Kind, Head]:
    """Return the trained heads, loaded once.

    Raises:
        DependencyUnavailable: the file of weights is missing or is not one of this version.
    """
    try:
        data = np.load(BytesIO(files("policy.classifier").joinpath(WEIGHTS).read_bytes()), allow_pickle=False)
        card = json.loads(str(data["card"]))
        return {kind: _head(data[kind.value], card["heads"][kind.value], card["format"]) for kind in Kind}
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise DependencyUnavailable(
            f"the guard's weights `{WEIGHTS}` cannot be read",
            hint="reinstall `sixplane`, or train them again with `python -m policy.train`",
        ) from error


def _head(stored: Array, card: dict[str, Any], version: int) -> Head:
    if version != FORMAT or stored.dtype != np.int8 or stored.shape != (2 * SLOTS,):
        raise ValueError("weights of another form")
    scales = {place: Scale(flag_at, certain_at) for place, (flag_at, certain_at) in card["scales"].items()}
    return Head(stored.astype(np.float64) * card["step"], card["bias"], scales)
