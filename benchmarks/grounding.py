"""The verifier without a model against human labels: SciFact claims and WiCE, each claim on its whole abstract or page.

For each split `python -m benchmarks.grounding [SET ...]` prints the local scorer's probability, supported against the
rest (refuted and not enough; partial and not), with bootstrap intervals over documents, and what the verifier says by
label. For the splits that nothing was trained on also how supported claims and sentences of the evidence fare with one
number, name, `not` or direction changed. The scorer was trained on SciFact train and WiCE dev. The older checks of
numbers and dates were mended after looking at what they rejected in every split.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gateway.extractive.training.fit import area
from nodes.judge.cases import Asked, case_of, scored
from nodes.judge.scorer import local_scorer
from nodes.judge.train import balanced, cited_of
from nodes.quotes import Source
from state.values import Claim, Passage, Support

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "grounding"
SPLITS = (("scifact_claims", "train"), ("scifact_claims", "dev"), ("wice", "dev"), ("wice", "test"))
HELD_OUT = (("scifact_claims", "dev"), ("wice", "test"))
SEEDS = (1, 2, 3)
_RESAMPLES = 1000
_NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b")
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|can|may|will|does|do)\b")
_NOT = re.compile(r"\bnot ")
_TURNED = {"increase": "decrease", "higher": "lower", "reduce": "increase", "decrease": "increase", "lower": "higher"}


@dataclass(frozen=True)
class Row:
    """A claim with its evidence as a source, the label of people and its document."""

    claim: str
    source: Source
    label: str
    document: str


def rows(name: str, split: str) -> list[Row]:
    """Return the claims of a split, each with its whole evidence as one passage."""
    lines = (DATA / name / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    found = [row for row in map(json.loads, lines) if row["split"] == split]
    return [Row(row["claim"], source_of(row), row["label"], str(row.get("doc_id", row["_id"]))) for row in found]


def source_of(row: dict[str, Any]) -> Source:
    """Return the evidence of a row as a passage that a draft cites as `E1`."""
    cited = cited_of(row)
    passage = Passage(
        evidence_id="EV",
        document_id="d",
        source="s",
        title="".join(cited.names),
        text=cited.text,
        start=0,
        end=len(cited.text),
    )
    return Source("E1", passage)


def verdict(claim: str, source: Source) -> Claim:
    """Return the claim as the verifier leaves it without a judge."""
    return scored(case_of(Claim(id="c1", text=claim), ["E1"], {"E1": source}, Asked()))


def interval(statistic: Callable[[Any], float], groups: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `statistic`, a function of positions, over whole documents."""
    chance = np.random.default_rng(1)
    documents = sorted(set(groups))
    members = {each: np.flatnonzero(np.array(groups) == each) for each in documents}
    drawn = (
        np.concatenate([members[documents[n]] for n in chance.integers(0, len(documents), len(documents))])
        for _ in range(_RESAMPLES)
    )
    low, high = np.percentile([statistic(each) for each in drawn], [2.5, 97.5])
    return float(low), float(high)


def scores(name: str, split: str, found: Sequence[Row]) -> None:
    """Print AUC, balanced accuracy and calibration of the local scorer."""
    likely = np.array([_likely(row) for row in found])
    labels = np.array([float(row.label == "supported") for row in found])
    groups = [row.document for row in found]
    ends = interval(lambda at: area(labels[at], likely[at]), groups)
    half = interval(lambda at: balanced(likely[at] >= 0.5, labels[at]), groups)
    print(f"{name} {split}: {len(found)} claims, {labels.sum():.0f} supported")
    print(f"  AUC {area(labels, likely):.3f} [{ends[0]:.3f}, {ends[1]:.3f}]")
    print(f"  balanced accuracy {balanced(likely >= 0.5, labels):.3f} [{half[0]:.3f}, {half[1]:.3f}]")
    weights = np.where(labels == 1, 0.5 / labels.sum(), 0.5 / (1 - labels).sum())
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        own = (likely >= low) & (likely < low + 0.2)
        if own.any():
            said, are = np.average(likely[own], weights=weights[own]), np.average(labels[own], weights=weights[own])
            print(f"  {low:.1f} to {low + 0.2:.1f}: {own.sum():>3} claims, said {said:.2f}, are {are:.2f}")


def _likely(row: Row) -> float:
    score = local_scorer().score(row.claim, [row.source.cited])
    return 0.5 if score is None else score.probability


def verdicts(found: Sequence[Row]) -> None:
    """Print what the verifier says, by label."""
    said: Counter[tuple[str, str, str]] = Counter()
    for row in found:
        claim = verdict(row.claim, row.source)
        said[claim.verdict.value, claim.fault.value if claim.fault else "", row.label] += 1
    for (kind, fault, label), count in sorted(said.items()):
        print(f"  {kind:<13} {fault:<10} labelled {label:<14} {count}")


def altered(claim: str, names: Sequence[str], chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield `claim` with one thing changed: a number, a name, a `not` added or taken away, a direction."""
    for match in _NUMBER.finditer(claim):
        value = float(match[0].replace(",", ""))
        year = 1900 <= value <= 2100
        new = value + chance.choice([-3, -1, 1, 2, 5]) if year else value * chance.choice([0.1, 0.5, 1.5, 2, 3, 10])
        if new != value:
            yield "number", f"{claim[: match.start()]}{new:{'.0f' if year else ',.10g'}}{claim[match.end() :]}"
    for match in [*_NAME.finditer(claim)][:1]:
        yield "name", f"{claim[: match.start()]}{chance.choice(names)}{claim[match.end() :]}"
    if _NOT.search(claim):
        yield "negation taken away", _NOT.sub("", claim, count=1)
    elif verb := _VERB.search(claim):
        yield "negation added", f"{claim[: verb.end()]} not{claim[verb.end() :]}"
    for one, other in _TURNED.items():
        if one in claim:
            yield "direction", claim.replace(one, other, 1)
            break


def alterations(found: Sequence[Row]) -> None:
    """Print how altered claims and altered sentences of the evidence fare, and unaltered sentences beside them."""
    supported = [row for row in found if row.label == "supported"]
    names = sorted({name for row in found for name in _NAME.findall(row.claim)}) or ["Smith"]
    said: Counter[tuple[str, str, str]] = Counter()
    for seed in SEEDS:
        chance = random.Random(seed)
        for row in supported:
            sentence = chance.choice([each for each in row.source.cited.sentences if len(each) > 40] or [row.claim])
            for origin, text in (("claim", row.claim), ("sentence", sentence)):
                for kind, other in altered(text, names, chance):
                    said[origin, kind, verdict(other, row.source).verdict.value] += 1
    for origin, kind in sorted({(origin, kind) for origin, kind, _ in said}):
        counts = {each.value: said[origin, kind, each.value] for each in Support}
        total = sum(counts.values())
        print(f"  {origin:<9} {kind:<20} {total:>5}: " + ", ".join(f"{k} {v / total:.3f}" for k, v in counts.items()))


def main() -> None:
    """Measure each split, or those of the sets that the command line names."""
    for name, split in (each for each in SPLITS if each[0] in (sys.argv[1:] or dict(SPLITS))):
        found = rows(name, split)
        scores(name, split, found)
        verdicts(found)
        if (name, split) in HELD_OUT:
            alterations(found)


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    main()
