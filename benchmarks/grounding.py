"""The local support scorer against human labels: SciFact claims and WiCE, each claim on its annotated sentences.

A verdict `supported` is right where people said so. Precision is what matters: a false `supported` would publish a
claim that its source does not carry; a false `unsupported` only drops one. Half of SciFact's claims, the `dev` split,
were not looked at when the thresholds were chosen.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from retrieval import load_embeddings
from retrieval.grounding import LocalSupportScorer
from settings import load_settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "grounding"
RATIONALES = {"scifact_claims": "rationale_sentences", "wice": "supporting_sentences"}
MOST = 400


def spans_of(row: dict[str, Any], key: str) -> list[str]:
    """Return the sentences that people pointed at, else the three that share most words with the claim."""
    marked = row.get(key) or []
    flat = [n for group in marked for n in (group if isinstance(group, list) else [group])]
    chosen = [row["evidence"][n] for n in dict.fromkeys(flat) if isinstance(n, int) and n < len(row["evidence"])]
    words = set(row["claim"].lower().split())
    return chosen or sorted(row["evidence"], key=lambda text: -len(words & set(text.lower().split())))[:3]


async def measure(name: str, split: str) -> None:
    """Print the verdicts by label, and precision and recall of `supported`."""
    scorer = LocalSupportScorer(load_embeddings(load_settings()))
    rows = [json.loads(line) for line in (DATA / name / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["split"] == split][:MOST]
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        scored = await scorer.score(row["claim"], spans_of(row, RATIONALES[name]))
        counts[row["label"], scored.verdict.value] += 1
    said = sum(n for (_, verdict), n in counts.items() if verdict == "supported")
    true = sum(n for (label, _), n in counts.items() if label == "supported")
    both = counts["supported", "supported"]
    print(f"{name} {split}: {len(rows)} claims, precision {both / (said or 1):.2f}, recall {both / (true or 1):.2f}")
    for (label, verdict), count in sorted(counts.items()):
        print(f"  labelled {label:<14} scored {verdict:<13} {count}")


async def main() -> None:
    """Measure each set and split."""
    for name, split in (("scifact_claims", "train"), ("scifact_claims", "dev"), ("wice", "dev"), ("wice", "test")):
        await measure(name, split)


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    asyncio.run(main())
