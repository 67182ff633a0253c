"""The local scorer: how likely people call a claim supported by its passages, from a few features, without a model.

`support_card.md` says what it was trained on and what it finds and misses. It decides only where no model judges.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp

from nodes.checks import Cited
from nodes.checks.words import in_english
from nodes.judge.features import FEATURES, Rarity, Reading, read
from nodes.judge.flaws import flawed
from state.errors import DependencyUnavailable

FORMAT = 1
DATA = "support.json"

FLAWS = ("numbers_missing", "names_missing", "opposed", "negated", "reordered")
"""Features that must be zero for `supported`: a claim in its source's words with another number is false."""


@dataclass(frozen=True)
class Score:
    """The probability that a claim is supported, and whether that is enough, and the claim plain enough, to say so."""

    probability: float
    supported: bool
    carriers: tuple[str, ...] = ()
    """The statements that it rests on, the nearest first."""


@dataclass(frozen=True)
class Scorer:
    """A calibrated logistic regression.

    Args:
        weights: one for each feature, in the order of `FEATURES`.
        bias: what is added to their sum.
        supported_at: the probability from which on a claim counts as supported.
        rarity: how much a stem tells.
    """

    weights: tuple[float, ...]
    bias: float
    supported_at: float
    rarity: Rarity

    def score(self, claim: str, cited: Sequence[Cited]) -> Score | None:
        """Return the score of `claim`, `None` where it means nothing: in other languages, and for claims without words.

        The scorer was trained on English, and the words that say nothing by themselves are known in English only.
        """
        if not all(map(in_english, (claim, *(each.text for each in cited)))):
            return None
        found = read(claim, cited, self.rarity)
        if found is None:
            return None
        raw = self.bias + sum(weight * value for weight, value in zip(self.weights, found.values, strict=True))
        likely = 1.0 / (1.0 + exp(-raw))
        return Score(likely, likely >= self.supported_at and is_plain(claim, found), found.carriers)


def is_plain(claim: str, found: Reading) -> bool:
    """Return whether nothing that is read off `claim` forbids to call it supported."""
    values = dict(zip(FEATURES, found.values, strict=True))
    return not any(values[flaw] for flaw in FLAWS) and not flawed(claim, found.carriers)


@cache
def local_scorer() -> Scorer:
    """Return the trained scorer, read once.

    Raises:
        DependencyUnavailable: its file is missing or of another format.
    """
    hint = "reinstall `sixplane`, or train it with `python -m nodes.judge.train`"
    try:
        stored = json.loads(files("nodes.judge").joinpath(DATA).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DependencyUnavailable(f"`{DATA}` of the local scorer cannot be read", hint=hint) from error
    if stored.get("format") != FORMAT or tuple(stored["weights"]) != FEATURES:
        raise DependencyUnavailable(f"`{DATA}` of the local scorer has another format", hint=hint)
    return Scorer(
        tuple(stored["weights"].values()), stored["bias"], stored["supported_at"], rarity_of(stored["common"])
    )


def rarity_of(common: str) -> Rarity:
    """Return the rarity by a list of stems, the commonest first, with blanks between them."""
    return Rarity({stem: rank for rank, stem in enumerate(common.split())})
