"""Trains the ranker: `python -m gateway.extractive.train RECORDS --embeddings MODULE:CLASS`.

Writes `ranker.json` and the table of reliability in `ranker_card.md`. RECORDS is a file of questions with the evidence
that was found for them: `python -m benchmarks.ranker_records` makes it. MODULE:CLASS names the embedding model, as
`retrieval.embeddings:LocalEmbeddings`: the plane of models knows no retrieval. The same records give the same weights,
apart from rounding that differs between processors.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gateway.extractive.analysis import Limits, best_of, near_best
from gateway.extractive.asking.fitting import fits
from gateway.extractive.features import ANSWER_FEATURES, SENTENCE_FEATURES, Array, answer_features
from gateway.extractive.ranker import FORMAT, WEIGHTS, Head, probability
from gateway.extractive.training.examples import Example, answers, examples
from gateway.extractive.training.fit import FOLDS, fitted, fold_of, rising
from gateway.extractive.training.rows import Row
from gateway.extractive.training.tables import tables
from gateway.extractive.units import Marked, excerpts

FOLDER = Path(__file__).parent
CARD = FOLDER / "ranker_card.md"
MARKS = ("<!-- reliability -->", "<!-- /reliability -->")

TOPIC = (
    "cosine", "cosine_second", "coverage", "coverage_together", "coverage_of_passage", "names_missing", "names_apart",
    "rarest_missing", "names",
)  # fmt: skip
"""What tells whether the evidence speaks of the question. Fewer features than an answer has: those that describe the
kind of question tell the sets apart, and not what they hold."""

RISING = frozenset(
    (
        "cosine", "coverage", "coverage_alone", "coverage_of_passage", "rarest_term", "rarest_in_passage", "names",
        "names_in_passage", "title_is_asked", "pairs", "relation", "near_cosine", "typed_held", "formal_held",
        "cosine_x_coverage",
    )
)  # fmt: skip
"""What must not count against a sentence."""

PENALTY = 5.0
A_SET = 150.0
"""The importance of each set together: none decides because it is large."""

ABSENT_MISSED = 0.05
"""The share of all absent questions that the evidence may seem to speak of, in cross-validation."""

ANSWERABLE_MISSED = 0.08
"""The share of the answerable questions of each set that may be left open; it comes before `ABSENT_MISSED`."""

WRONG = 0.15
"""The share of each set's answers that may be wrong from the threshold on."""

WRONG_IN_SECTION = 0.10
"""The same where the answers stand under headings. Lower, because the rules of what has the form of an answer were
written with the questions that measure it here, so that they do better on these than on others."""

FEWEST = 20
"""The answers of a set below which that share says nothing."""

_ABOVE = 1e-4  # as much as the file rounds: a threshold lies above the value that must not reach it
_HIGHEST = 95
_HALF = 0.5


def main() -> None:
    """Fit the heads, choose the thresholds, and write the weights and the table."""
    parser = argparse.ArgumentParser(prog="python -m gateway.extractive.train", description="Train the ranker.")
    parser.add_argument("records", type=Path, help="the file that `python -m benchmarks.ranker_records` wrote")
    parser.add_argument("--embeddings", required=True, metavar="MODULE:CLASS", help="the embedding model")
    given = parser.parse_args()
    if not given.records.is_file():
        parser.error(f"there is no file {given.records}: `python -m benchmarks.ranker_records` makes one")
    found = examples(given.records, pkgutil.resolve_name(given.embeddings)(), Limits().embedded)
    left_out = {name: sentence_head([each for each in found if each.set != name]) for name in sets_of(found)}
    by_fold = [sentence_head([each for each in found if fold_of(each.id) != fold]) for fold in range(FOLDS)]
    rows = [row for each in found for row in rows_of(each, by_fold[fold_of(each.id)])]
    folds = [str(fold_of(row.example.id)) for row in rows]
    likely, about = crossed(rows, answer_head, folds), crossed(rows, topic_head, folds)
    sets = [row.example.set.partition(" asked of ")[0] for row in rows]
    unseen = crossed(rows, answer_head, sets), crossed(rows, topic_head, sets)
    # What the analysis leaves open without the ranker needs no threshold: one for it too would leave open others.
    speaks = about_from(rows, np.where([row.told for row in rows], about, 0.0))
    spoken = np.where((about >= speaks) & np.asarray([row.told and row.fitting for row in rows]), likely, 0.0)
    plain, sections = (answered_from(rows, spoken, in_section=each) for each in (False, True))
    heads = {"sentence": sentence_head(found), "answer": answer_head(rows), "topic": topic_head(rows)}
    stored = {name: _stored(head) for name, head in heads.items()}
    thresholds = {"answered": plain, "answered_in_section": sections, "about": round(speaks, 4)}
    card = {"format": FORMAT, **thresholds, "heads": stored}
    (FOLDER / WEIGHTS).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    table = tables(found, left_out, rows, ((likely, about), unseen), (plain, sections, speaks))
    before, _, rest = CARD.read_text(encoding="utf-8").partition(MARKS[0])
    CARD.write_text(f"{before}{MARKS[0]}\n\n{table}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}", encoding="utf-8")
    sys.stdout.write(f"{table}\n")


def sets_of(found: Sequence[Example]) -> list[str]:
    """Return the names of the sets, in order."""
    return sorted({each.set for each in found})


def sentence_head(found: Sequence[Example]) -> Head:
    """Return the head that ranks sentences, fitted to the questions with an answer among their sentences."""
    kept = [each for each in found if each.right.any()]
    rows = np.vstack([part.rows for each in kept for part in each.parts])
    labels = np.concatenate([each.right for each in kept for _ in each.parts])
    counts = {name: sum(len(each.right) for each in kept if each.set == name) for name in sets_of(kept)}
    weights = [A_SET * 20 / counts[each.set] / len(each.parts) for each in kept for _ in each.parts for _ in each.right]
    return rising(SENTENCE_FEATURES, rows, labels, np.asarray(weights), PENALTY, RISING)


def answer_head(rows: Sequence[Row]) -> Head:
    """Return the head that says whether what is quoted answers."""
    labels = np.asarray([float(row.right) for row in rows])
    return fitted(ANSWER_FEATURES, _table(rows), labels, _importance(rows), PENALTY)


def topic_head(rows: Sequence[Row]) -> Head:
    """Return the head that says whether the evidence speaks of the question. Near misses are left out: it does."""
    kept = [row for row in rows if not row.near_miss]
    columns = [ANSWER_FEATURES.index(name) for name in TOPIC]
    labels = np.asarray([float(row.example.kind == "answerable") for row in kept])
    return fitted(TOPIC, _table(kept)[:, columns], labels, _importance(kept), PENALTY)


def rows_of(example: Example, head: Head) -> list[Row]:
    """Return a row for each sub-question, as `head` ranks its sentences."""
    found = []
    for part in example.parts:
        scores = [float(each) for each in head.log_odds(part.rows, SENTENCE_FEATURES)] if len(part.rows) else []
        best = best_of(example.sentences, scores, Limits().closest)
        values = answer_features(part.question, example.sentences, part.rows, scores, best)
        right = example.kind == "answerable" and answers(part, _quoted(example, best))
        near = [example.sentences[index] for index in near_best(scores, best, Limits().answered)]
        found.append(Row(example, values, right, part.told, not near or fits(part.question, near)))
    return found


def _quoted(example: Example, best: list[int]) -> str:
    chosen = [example.sentences[index] for index in best[: Limits().answered]]
    return "\n".join(each.text for each in excerpts(Marked(one.unit, one.span) for one in chosen))


def crossed(rows: Sequence[Row], fit: Callable[[Sequence[Row]], Head], keys: Sequence[str]) -> Array:
    """Return the probability of each row by the head that was fitted without the rows of its key."""
    result = np.zeros(len(rows))
    table, marks = _table(rows), np.asarray(keys)
    for key in dict.fromkeys(keys):
        head = fit([row for row, own in zip(rows, keys, strict=True) if own != key])
        odds = head.log_odds(table[marks == key], ANSWER_FEATURES)
        result[marks == key] = [probability(float(each)) for each in odds]
    return result


def about_from(rows: Sequence[Row], about: Array) -> float:
    """Return the threshold that at most `ABSENT_MISSED` of the absent questions reach.

    Of all sets together: a bound that each set keeps left answerable questions over documentation open. The threshold
    is lower where it would leave more than `ANSWERABLE_MISSED` of a set's answerable questions open. A question is
    spoken of if one of its sub-questions is.
    """
    absent = _by_question(rows, about, lambda row: row.example.kind if row.example.kind == "absent" else "")["absent"]
    wanted = _by_question(rows, about, lambda row: row.example.set if row.example.kind == "answerable" else "")
    reached = float(absent[int(len(absent) * (1 - ABSENT_MISSED))]) + _ABOVE
    kept = [float(each[int(len(each) * ANSWERABLE_MISSED)]) for each in wanted.values()]
    return min(reached, *kept)


def _by_question(rows: Sequence[Row], about: Array, key: Callable[[Row], str]) -> dict[str, Array]:
    """Return the greatest value of each question, in order, by the `key` of its rows; none of those without a key."""
    greatest: dict[str, dict[int, float]] = {}
    for row, value in zip(rows, about, strict=True):
        if key(row):
            one = greatest.setdefault(key(row), {})
            name = id(row.example)  # the single steps of a question have its id
            one[name] = max(float(value), one.get(name, 0.0))
    return {name: np.sort(list(found.values())) for name, found in greatest.items()}


def answered_from(rows: Sequence[Row], likely: Array, *, in_section: bool) -> float:
    """Return the lowest threshold, in steps of 0.01, above which at most a share of each set's answers is wrong.

    The share is `WRONG`, or `WRONG_IN_SECTION`.

    Of sets most of whose answers stand under headings, or of the others. A set's near misses count like its other
    questions. Fewer than `FEWEST` answers say too little.
    """
    right = np.asarray([float(row.right) for row in rows])
    inside = np.asarray([float(row.in_section) for row in rows])
    own = [np.asarray([row.example.set == name for row in rows]) for name in sets_of([row.example for row in rows])]
    judged = [each for each in own if right[each].any() and (inside[each].mean() > _HALF) == in_section]
    bound = WRONG_IN_SECTION if in_section else WRONG
    for step in range(30, _HIGHEST):
        above = likely >= step / 100
        counts = [((1 - right)[each & above].sum(), (each & above).sum()) for each in judged]
        if all(wrong <= bound * count and count >= FEWEST for wrong, count in counts):
            return step / 100
    return _HIGHEST / 100


def _table(rows: Sequence[Row]) -> Array:
    return np.vstack([row.values for row in rows])


def _importance(rows: Sequence[Row]) -> Array:
    """Return what each row counts: the kinds of questions of a set count alike, and so do the sets."""
    keys = [row.group for row in rows]
    counts = {key: keys.count(key) for key in keys}
    return np.asarray([A_SET / counts[key] for key in keys])


def _stored(head: Head) -> dict[str, object]:
    numbers = {"means": head.means, "deviations": head.deviations, "weights": head.weights}
    return {
        "features": list(head.names),
        **{name: [round(float(each), 5) for each in values] for name, values in numbers.items()},
        "bias": round(head.bias, 5),
    }


if __name__ == "__main__":
    main()
