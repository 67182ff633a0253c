"""Trains the local scorer: `python -m nodes.judge.train [DATA]`.

Writes `nodes/judge/support.json`. DATA is the folder of the evaluation data, `../shared/data` by default. Of the claims
only SciFact's training half and WiCE's development half are read. The same data give the same file, apart from rounding
that differs between processors.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gateway.extractive.training.fit import area
from nodes.checks import Cited
from nodes.checks.words import FUNCTION_WORDS, stem_of, words
from nodes.judge.features import FEATURES, Rarity, read
from nodes.judge.scorer import DATA, FORMAT, is_plain, rarity_of
from policy.training.fit import fitted_dense

ROOT = Path(__file__).resolve().parents[2]
TRAINED_ON = (("scifact_claims", "train"), ("wice", "dev"))
CORPORA = ("scifact", "twowiki_multihop", "clapnq_dev", "musique_100")
SEED = 20261127
PRECISION = 0.9
"""Of what is called supported, the share that shall be so: left out, and if half of all claims are."""

_PENALTY = 10.0
_FOLDS = 5
_COMMON = 6000  # stems in the table of common ones; 38 KB
_FEWEST_TEXTS = 3  # of a corpus that must have a stem, for it to be counted there
_PARAGRAPH_CHARS = 200


@dataclass(frozen=True)
class Pair:
    """A claim with its passage, its set, its group (pairs of one claim or document) and what people say of it."""

    claim: str
    cited: Cited
    set: str
    group: int
    supported: bool


def main() -> None:
    """Train the scorer, report its cross-validation and write the file."""
    parser = argparse.ArgumentParser(prog="python -m nodes.judge.train", description="Train the local scorer.")
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    data: Path = parser.parse_args().data
    if not data.is_dir():
        parser.error(f"there is no folder {data}: pass the folder of the evaluation data")
    common = " ".join(common_stems(data))
    stored = {"format": FORMAT, **learned(pairs(data), rarity_of(common)), "common": common}
    path = ROOT / "nodes" / "judge" / DATA
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def common_stems(data: Path) -> list[str]:
    """Return the stems that most texts of the corpora and of Oracle's documentation have, the commonest first."""
    shares: Counter[str] = Counter()
    for texts in (*(_texts(data / name / "corpus.jsonl") for name in CORPORA), _paragraphs(data / "documents/oracle")):
        seen = [
            {stem_of(word) for word in words(text) if word not in FUNCTION_WORDS and word.isalpha()} for text in texts
        ]
        found = Counter(stem for each in seen for stem in each)
        shares.update({stem: many / len(seen) for stem, many in found.items() if many >= _FEWEST_TEXTS})
    return sorted(shares, key=lambda stem: (-shares[stem], stem))[:_COMMON]


def _texts(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield f"{row['title']} {row['text']}"


def _paragraphs(folder: Path) -> Iterator[str]:
    for path in sorted(each for each in folder.rglob("*") if each.suffix in (".md", ".rst")):
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from (each for each in re.split(r"\n\s*\n", text) if len(each) > _PARAGRAPH_CHARS)


def pairs(data: Path, splits: Iterable[tuple[str, str]] = TRAINED_ON) -> list[Pair]:
    """Return the claims of `splits`, those of one claim or of one document in one group."""
    found: list[Pair] = []
    groups: dict[tuple[str, str], int] = {}
    for name, split in splits:
        lines = (data / "grounding" / name / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
        for row in (row for row in map(json.loads, lines) if row["split"] == split):
            keys = (("claim", row["claim"]), ("document", str(row.get("doc_id", row["_id"]))))
            known = [groups[key] for key in keys if key in groups]
            group = min(known, default=len(groups))
            joined = {key for key, each in groups.items() if each in known}
            groups.update(dict.fromkeys([*keys, *joined], group))
            found.append(Pair(row["claim"], cited_of(row), name, group, row["label"] == "supported"))
    return [Pair(p.claim, p.cited, p.set, groups["claim", p.claim], p.supported) for p in found]


def cited_of(row: Mapping[str, Any]) -> Cited:
    """Return the evidence of a row as one passage, each of its sentences on a line."""
    return Cited("\n".join(row["evidence"]), tuple(filter(None, [row.get("title", "")])))


def learned(found: Sequence[Pair], rarity: Rarity) -> dict[str, Any]:
    """Return the weights, the bias and the threshold that `found` teach, and print how they do on what is left out."""
    readings = [read(pair.claim, [pair.cited], rarity) for pair in found]
    known = [(pair, reading) for pair, reading in zip(found, readings, strict=True) if reading is not None]
    table = np.array([reading.values for _, reading in known])
    labels = np.array([pair.supported for pair, _ in known], dtype=float)
    sets = np.array([pair.set for pair, _ in known])
    groups = np.array([pair.group for pair, _ in known])
    importance = _importance(sets, labels)
    raw = _left_out(table, labels, importance, groups)
    slope, offset = fitted_dense(np.column_stack([raw, np.ones(len(raw))]), labels, importance, 1e-6)
    likely = 1.0 / (1.0 + np.exp(-(slope * raw + offset)))
    plain = np.array([is_plain(pair.claim, reading) for pair, reading in known])
    supported_at = _threshold(likely, plain, labels, importance)
    _report(likely, labels, sets, supported_at, plain)
    _report_transfer(table, labels, importance, sets)
    weights = _fitted(table, labels, importance)
    return {
        "weights": {name: round(float(slope * weight), 5) for name, weight in zip(FEATURES, weights, strict=False)},
        "bias": round(float(slope * weights[-1] + offset), 5),
        "supported_at": supported_at,
    }


def _importance(sets: Any, labels: Any) -> Any:
    """Return weights that make the sets equal, and within each the supported claims and the others."""
    weights = np.zeros(len(labels))
    for name in np.unique(sets):
        for label in (0.0, 1.0):
            own = (sets == name) & (labels == label)
            weights[own] = 1.0 / max(1, own.sum())
    return weights / weights.mean()


def _fitted(table: Any, labels: Any, importance: Any) -> Any:
    """Return the weights on the features as they are, the bias last."""
    mean, spread = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-9)
    scaled = np.column_stack([(table - mean) / spread, np.ones(len(table))])
    weights = fitted_dense(scaled, labels, importance, _PENALTY)
    plain = weights[:-1] / spread
    return np.append(plain, weights[-1] - plain @ mean)


def _scores(table: Any, weights: Any) -> Any:
    return table @ weights[:-1] + weights[-1]


def _left_out(table: Any, labels: Any, importance: Any, groups: Any) -> Any:
    """Return the scores by weights that have not seen the group of what they score."""
    order = sorted({int(group) for group in groups})
    random.Random(SEED).shuffle(order)  # noqa: S311 - no secret
    fold_of = {group: n % _FOLDS for n, group in enumerate(order)}
    folds = np.array([fold_of[int(group)] for group in groups])
    raw = np.zeros(len(labels))
    for fold in range(_FOLDS):
        seen, left = folds != fold, folds == fold
        raw[left] = _scores(table[left], _fitted(table[seen], labels[seen], importance[seen]))
    return raw


def _threshold(likely: Any, plain: Any, labels: Any, importance: Any) -> float:
    """Return the least probability, in hundredths, from which on `PRECISION` of the plain claims are supported."""
    for at in range(99, 50, -1):
        chosen = plain & (likely >= (at - 1) / 100)
        if chosen.any() and np.average(labels[chosen], weights=importance[chosen]) < PRECISION:
            return at / 100
    return 0.5


def _report(likely: Any, labels: Any, sets: Any, supported_at: float, plain: Any) -> None:
    for name in np.unique(sets):
        own = sets == name
        said = plain & own & (likely >= supported_at)
        _say(
            f"{name}: left out, AUC {area(labels[own], likely[own]):.3f}, "
            f"balanced accuracy {balanced(likely[own] >= 0.5, labels[own]):.3f}; "
            f"supported from {supported_at}: {said.sum()}, of which {labels[said].sum():.0f} are"
        )


def _report_transfer(table: Any, labels: Any, importance: Any, sets: Any) -> None:
    for name in np.unique(sets):
        own = sets == name
        raw = _scores(table[own], _fitted(table[~own], labels[~own], importance[~own]))
        _say(
            f"{name}: trained on the other set alone, AUC {area(labels[own], raw):.3f}, "
            f"balanced accuracy {balanced(raw >= 0, labels[own]):.3f}"
        )


def balanced(said: Any, labels: Any) -> float:
    """Return the mean of the shares of supported and of other claims that are told right."""
    return float((said[labels == 1].mean() + (~said[labels == 0]).mean()) / 2)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
