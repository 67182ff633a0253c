"""The guard of secrets on texts that hold none: how many have a false alarm, and the time for 1,000 characters.

There is no public set of secrets to measure what is found; `tests/policy/test_secrets.py` has one of each format.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from policy.credentials import find_secrets

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ABSTRACTS = 1500
PROMPTS = ("notinject", "wildguard_benign", "cyberseceval_frr_benign")


def texts() -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each set with its texts."""
    yield "SciFact abstracts", _of(DATA / "scifact" / "corpus.jsonl")[:ABSTRACTS]
    yield "harmless prompts", [text for name in PROMPTS for text in _of(DATA / "guard" / name / "guard.jsonl")]
    yield (
        "Presidio's sentences",
        [text for path in sorted((DATA / "pii" / "presidio").glob("*.jsonl")) for text in _of(path)],
    )
    manuals = (path for path in sorted((DATA / "documents" / "oracle").rglob("*")) if path.suffix in (".md", ".rst"))
    yield "files of Oracle's documentation", [path.read_text(encoding="utf-8", errors="replace") for path in manuals]


def _of(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Print the table."""
    if not DATA.is_dir():
        sys.exit(f"the evaluation data is missing: {DATA}")
    find_secrets("")  # loads the patterns
    sys.stdout.write(
        "| texts without a secret | number | with a false alarm | ms for 1,000 characters |\n|---|---|---|---|\n"
    )
    for name, found in texts():
        begun = time.process_time()
        alarms = sum(bool(find_secrets(text)) for text in found)
        spent = (time.process_time() - begun) * 1e6 / sum(map(len, found))
        sys.stdout.write(f"| {name} | {len(found)} | {alarms} | {spent:.1f} |\n")


if __name__ == "__main__":
    main()
