"""The checks by code against human labels: SciFact claims and WiCE, each claim on its annotated sentences.

Code accepts what stands there word for word and rejects what cannot be true of its sources; the rest is for a judge. So
what counts is how often it rejects a claim that people call supported (no judge could rescue it), and how many altered
numbers it catches: each number of a supported claim is changed, one at a time. The checks were mended after looking at
what they rejected in every one of these splits: the figures say how the checks do on data that they were written with,
and none of it was held out.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nodes.checks import Assertion, Cited, Examined, examine

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "grounding"
RATIONALES = {"scifact_claims": "rationale_sentences", "wice": "supporting_sentences"}
SPLITS = (("scifact_claims", "train"), ("scifact_claims", "dev"), ("wice", "dev"), ("wice", "test"))
AROUND = 3
"""Sentences before and after the marked ones that make up the cited passage, about as many as a passage has."""

_NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])")


def spans_of(row: dict[str, Any], key: str) -> list[str]:
    """Return the sentences that people pointed at, else the three that share most words with the claim."""
    marked = row.get(key) or []
    flat = [n for group in marked for n in (group if isinstance(group, list) else [group])]
    chosen = [row["evidence"][n] for n in dict.fromkeys(flat) if isinstance(n, int) and n < len(row["evidence"])]
    words = set(row["claim"].lower().split())
    return chosen or sorted(row["evidence"], key=lambda text: -len(words & set(text.lower().split())))[:3]


def checked(claim: str, evidence: list[str], spans: list[str]) -> Examined:
    """Return what code says of `claim`, given the passage around `spans`."""
    at = [evidence.index(span) for span in spans]
    passage = evidence[max(0, min(at) - AROUND) : max(at) + AROUND + 1]
    return examine(Assertion(claim), [Cited("\n".join(passage))], spans)


def altered(claim: str, chance: random.Random) -> Iterator[str]:
    """Yield `claim` with one of its numbers changed, for each of them: a year by a few years, others by a factor."""
    for match in _NUMBER.finditer(claim):
        value = float(match[0].replace(",", ""))
        year = 1900 <= value <= 2100
        new = value + chance.choice([-3, -1, 1, 2, 5]) if year else value * chance.choice([0.1, 0.5, 1.5, 2, 3, 10])
        if new != value:
            yield f"{claim[: match.start()]}{new:{'.0f' if year else ',.10g'}}{claim[match.end() :]}"


def measure(name: str, split: str) -> None:
    """Print what code says by label, and the share of altered numbers that it catches."""
    rows = [json.loads(line) for line in (DATA / name / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    counts: Counter[tuple[str, str]] = Counter()
    caught = tried = 0
    chance = random.Random(1)
    for row in (row for row in rows if row["split"] == split):
        spans = spans_of(row, RATIONALES[name])
        found = checked(row["claim"], row["evidence"], spans)
        counts[row["label"], found.fault or found.verdict or "left to the judge"] += 1
        if row["label"] == "supported" and not found.fault:
            for claim in altered(row["claim"], chance):
                tried += 1
                caught += checked(claim, row["evidence"], spans).fault is not None
    supported = {said: count for (label, said), count in counts.items() if label == "supported"}
    wrong = sum(count for said, count in supported.items() if said not in ("supported", "left to the judge"))
    print(f"{name} {split}: {wrong} of {sum(supported.values())} supported claims rejected")
    print(f"  {caught} of {tried} altered numbers caught")
    for (label, said), count in sorted(counts.items()):
        print(f"  labelled {label:<14} {said:<18} {count}")


def main() -> None:
    """Measure each set and split."""
    for name, split in SPLITS:
        measure(name, split)


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    main()
