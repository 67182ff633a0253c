"""What the ranker is worth on questions it was not fitted to, as tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from gateway.extractive.features import SENTENCE_FEATURES, Array
from gateway.extractive.ranker import Head
from gateway.extractive.training.examples import Example
from gateway.extractive.training.fit import area
from gateway.extractive.training.rows import Row

_BINS = 10

Pair: TypeAlias = tuple[Array, Array]


def tables(
    found: Sequence[Example],
    left_out: Mapping[str, Head],
    rows: Sequence[Row],
    crossed: tuple[Pair, Pair],
    thresholds: tuple[float, float, float],
) -> str:
    """Return the tables: the ranking with each set left out, the reliability, and what the thresholds do.

    Args:
        found: the questions.
        left_out: for each set, the head that was fitted without it.
        rows: their sub-questions.
        crossed: for each row the probability that it is answered, and that the evidence speaks of it: by heads that
            were fitted without its fold, and by heads that were fitted without its set.
        thresholds: of the first, of the first in sections, and of the second.
    """
    inside, outside = crossed
    said = (
        f"Thresholds: answered from {thresholds[0]:.2f}, under headings from {thresholds[1]:.2f}; open below "
        f"{thresholds[2]:.2f} of the second probability."
    )
    parts = (
        _ranking(found, left_out),
        reliability(rows, inside[0]),
        [said],
        ["Other questions of the same sets:"],
        _outcomes(rows, inside, thresholds),
        ["Sets that were left out, with all that their questions were asked of:"],
        _outcomes(rows, outside, thresholds),
    )
    return "\n\n".join("\n".join(lines) for lines in parts)


def _ranking(found: Sequence[Example], left_out: Mapping[str, Head]) -> Iterator[str]:
    yield "| set, left out | questions | best sentence right, by the ranker | by the cosine | mean reciprocal rank |"
    yield "|---|---|---|---|---|"
    for name, head in left_out.items():
        own = [each for each in found if each.set == name and each.right.any()]
        if not own:
            continue
        pairs = [(each.right, part.rows) for each in own for part in each.parts]
        first = [right[int(np.argmax(head.log_odds(table, SENTENCE_FEATURES)))] for right, table in pairs]
        near = [right[int(np.argmax(table[:, 0]))] for right, table in pairs]
        ranks = [
            1 / (1 + int(np.argmax(right[np.argsort(-head.log_odds(table, SENTENCE_FEATURES))])))
            for right, table in pairs
        ]
        figures = (np.mean(first), np.mean(near), np.mean(ranks))
        yield f"| {name} | {len(own)} | " + " | ".join(f"{each:.2f}" for each in figures) + " |"


def reliability(rows: Sequence[Row], likely: Array) -> Iterator[str]:
    """Yield how often sub-questions of each tenth of probability are answered by what is quoted."""
    right = np.asarray([float(row.right) for row in rows])
    yield f"Area under the ROC curve: {area(right, likely):.3f}."
    yield ""
    yield "| probability | sub-questions | mean probability | answered by what is quoted |"
    yield "|---|---|---|---|"
    for step in range(_BINS):
        low, high = step / _BINS, (step + 1) / _BINS
        inside = (likely >= low) & ((likely < high) | (step == _BINS - 1))
        if inside.any():
            means = f"{likely[inside].mean():.2f} | {right[inside].mean():.2f}"
            yield f"| {low:.1f} to {high:.1f} | {inside.sum()} | {means} |"


def _outcomes(rows: Sequence[Row], crossed: Pair, thresholds: tuple[float, float, float]) -> Iterator[str]:
    (likely, about), (plain, inside, speaks) = crossed, thresholds
    told, fitting = (np.asarray([getattr(row, name) for row in rows]) for name in ("told", "fitting"))
    needed = np.asarray([inside if row.in_section else plain for row in rows])
    yield "| sub-questions | number | answered | of these wrong | partly | open |"
    yield "|---|---|---|---|---|---|"
    groups = [row.group for row in rows]
    for name in dict.fromkeys(sorted(groups)):
        own = np.asarray([group == name for group in groups])
        silent = own & ((about < speaks) | ~told)
        sure = own & ~silent & fitting & (likely >= needed)
        wrong = 1 - np.mean([row.right for row, each in zip(rows, sure, strict=True) if each]) if sure.any() else 0.0
        shares = (sure.sum() / own.sum(), wrong, (own & ~silent & ~sure).sum() / own.sum(), silent.sum() / own.sum())
        yield f"| {name} | {own.sum()} | " + " | ".join(f"{each:.2f}" for each in shares) + " |"
