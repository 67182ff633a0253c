"""Measures of retrieval, by `ir-measures`: the extra `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experience.evaluation.gold import Gold
from experience.evaluation.outcomes import Spot
from state.errors import SettingsInvalid

Scores = dict[str, float]


def check_installed() -> None:
    """Raise `SettingsInvalid` if the extra `evaluate` is not installed."""
    _library()


def retrieval_measures(
    rankings: Mapping[str, Sequence[Spot]], gold: Mapping[str, Sequence[Gold]]
) -> dict[str, dict[str, float]]:
    """Return nDCG@10 and recall at 10 and 100 of documents, by question and measure.

    Args:
        rankings: for each question with gold, the best passage of each document, best first.
        gold: what answers each question; a document counts once, whatever is gold in it.
    """
    if not rankings:
        return {}
    library = _library()
    names = {library.nDCG @ 10: "ndcg@10", library.R @ 10: "recall@10", library.R @ 100: "recall@100"}
    relevant = {name: dict.fromkeys((each.document_id for each in gold[name]), 1) for name in rankings}
    run = {
        name: {spot.document_id: float(len(spots) - rank) for rank, spot in enumerate(spots)}
        for name, spots in rankings.items()
    }
    found: dict[str, dict[str, float]] = {name: {} for name in rankings}
    for metric in library.iter_calc(list(names), relevant, run):
        found[metric.query_id][names[metric.measure]] = metric.value
    return found


def _library() -> Any:
    try:
        import ir_measures
        import pytrec_eval  # noqa: F401 - what `ir_measures` computes these measures with, and imports only then
    except ModuleNotFoundError as error:
        raise SettingsInvalid(
            f"the package {error.name!r}, which measures retrieval, is not installed",
            hint="run `pip install 'sixplane[evaluate]'`, or leave `gold` out of the questions",
        ) from error
    return ir_measures
