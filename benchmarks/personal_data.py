"""The guard of personal data: what it finds of Presidio's sentences and where it errs, beside Presidio's recognisers.

`python -m benchmarks.personal_data [--json]`. A gold span counts as found if a span of its kind overlaps it;
`masked` is the share of its characters. The patterns were made with the dev half of the sentences.
Other texts say how often the guard finds something in what people ask and read here: some of it is personal data, such
as addresses of authors and card numbers in examples. Intervals are Wilson's, at 95 %.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.guards import wilson
from benchmarks.secrets import texts
from policy.pii import find_personal_data
from settings.personal_data import KINDS, NAMES, PATTERNS
from state.errors import DependencyUnavailable

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SENTENCES = DATA / "pii" / "presidio" / "synth_v2.jsonl"
RENAMED = {"GPE": "LOCATION"}
"""Kinds of the sentences that have another name here."""
WORST = {
    "groups of digits": "12 34 56 78 90 ",
    "one row of digits": "7",
    "numbers with 0": "030 123 456 78,",
    "brackets": "(123) ",
    "dots": "1.",
    "colons": "1:",
    "e-mail addresses": "a@a.b ",
    "at signs": "a@",
    "Thai digits": "๑๒๓ ๔๕๖ ",
}
"""Texts that cost recognisers much: each is repeated."""

Finder = Callable[[str], list[tuple[int, int, str]]]


def ours(text: str) -> list[tuple[int, int, str]]:
    """Return what the guard finds in `text`."""
    return [(mask.start, mask.end, mask.kind) for mask in find_personal_data(text)]


def names(text: str) -> list[tuple[int, int, str]]:
    """Return the names that the model of the installed package finds in `text`."""
    return [(mask.start, mask.end, mask.kind) for mask in find_personal_data(text, tuple(sorted(NAMES)))]


def plain_presidio() -> Finder:
    """Return what Presidio's own recognisers of the same kinds find, with their defaults and above score 0.4."""
    from presidio_analyzer import predefined_recognizers as known
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    from policy.recognisers.presidio import MIN_SCORE, OfflineEmailRecognizer

    recognisers = [
        known.CreditCardRecognizer(),
        known.CryptoRecognizer(),
        OfflineEmailRecognizer(),  # the original downloads a list
        known.IbanRecognizer(),
        known.IpRecognizer(),
        PhoneRecognizer(),
        known.UsSsnRecognizer(),
    ]

    nothing: Any = None  # what spaCy would have found; these recognisers do not look at it

    def find(text: str) -> list[tuple[int, int, str]]:
        return [
            (found.start, found.end, found.entity_type)
            for each in recognisers
            for found in each.analyze(text, each.supported_entities, nothing)
            if found.score >= MIN_SCORE
        ]

    return find


def sentences() -> Iterator[tuple[str, str, list[tuple[int, int, str]]]]:
    """Yield the half, the text and the gold spans of each sentence."""
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        half = int(hashlib.sha256(row["_id"].encode()).hexdigest(), 16) % 2
        gold = [(span["start"], span["end"], RENAMED.get(span["type"], span["type"])) for span in row["spans"]]
        yield ("dev", "test")[half], row["text"], gold


def on_sentences(name: str, find: Finder) -> list[dict[str, Any]]:
    """Return a row for each half and kind."""
    counts: dict[str, Counter[tuple[str, str]]] = {"dev": Counter(), "test": Counter()}
    for half, text, gold in sentences():
        found = [span for span in find(text) if span[2] in KINDS]
        for span in gold:
            hits = [other for other in found if _overlap(span, other)]
            counts[half].update(
                {
                    (span[2], "present"): 1,
                    (span[2], "found"): bool(hits),
                    (span[2], "chars"): span[1] - span[0],
                    (span[2], "masked"): sum(any(a <= at < b for a, b, _ in hits) for at in range(*span[:2])),
                }
            )
        false = [span for span in found if not any(_overlap(span, other) for other in gold)]
        counts[half].update((span[2], "false") for span in false)
    kinds = tuple(sorted(NAMES)) if name == "names" else PATTERNS
    return [_row(name, half, kind, count) for half, count in counts.items() for kind in kinds if count[kind, "present"]]


def _row(name: str, half: str, kind: str, count: Counter[tuple[str, str]]) -> dict[str, Any]:
    low, high = wilson(count[kind, "found"], count[kind, "present"])
    return {
        "finder": name,
        "half": half,
        "kind": kind,
        "present": count[kind, "present"],
        "found": count[kind, "found"],
        "low": round(low, 3),
        "high": round(high, 3),
        "masked": round(count[kind, "masked"] / count[kind, "chars"], 3),
        "false_alarms": count[kind, "false"],
    }


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[2] == other[2] and one[0] < other[1] and other[0] < one[1]


def on_other_texts(name: str, find: Finder) -> Iterator[dict[str, Any]]:
    """Yield a row for each set of texts: how many had an alarm, of which kinds, and the time."""
    for title, found in texts():
        if title.startswith("Presidio"):
            continue
        if name == "names":  # a hundred times as slow
            found = [text[:2000] for text in found[:300]]
        begun = time.process_time()
        alarms = [find(text) for text in found]
        spent = time.process_time() - begun
        low, high = wilson(sum(map(bool, alarms)), len(found))
        yield {
            "finder": name,
            "set": title,
            "texts": len(found),
            "with_alarm": sum(map(bool, alarms)),
            "low": round(low, 4),
            "high": round(high, 4),
            "kinds": dict(sorted(Counter(span[2] for each in alarms for span in each).items())),
            "ms_per_1000_chars": round(spent * 1e6 / sum(map(len, found)), 2),
        }


def worst_cases(name: str, find: Finder, sizes: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Yield the milliseconds for 1,000 characters of each worst text, for texts of some sizes."""
    for title, part in WORST.items():
        times = {}
        for size in sizes:
            begun = time.process_time()
            find((part * size)[:size])
            times[str(size)] = round((time.process_time() - begun) * 1e6 / size, 2)
        yield {"finder": name, "text": title, "ms_per_1000_chars": times}


def measured() -> dict[str, Any]:
    """Return all figures."""
    finders = {"sixplane": ours, "names": names, "presidio": plain_presidio()}
    try:
        names("")
    except DependencyUnavailable as error:
        sys.stderr.write(f"names are not measured: {error.message}; {error.hint}\n")
        del finders["names"]
    for find in finders.values():
        find("")  # loads the recognisers
    return {
        "sentences": [row for name, find in finders.items() for row in on_sentences(name, find)],
        "other_texts": [row for name, find in finders.items() for row in on_other_texts(name, find)],
        "worst_cases": [row for name, find in finders.items() for row in worst_cases(name, find, (1_000, 16_000))],
    }


def main() -> None:
    """Print the figures as tables, or as JSON."""
    if not SENTENCES.is_file():
        sys.exit("skipped: the evaluation data is not beside the checkout")
    figures = measured()
    if "--json" in sys.argv[1:]:
        print(json.dumps(figures, indent=1))
        return
    print("| finder | half | kind | found of present | 95 % interval | characters masked | false alarms |")
    print("|---|---|---|---|---|---|---|")
    for row in figures["sentences"]:
        interval = f"{row['low']:.2f} to {row['high']:.2f}"
        share = f"{row['found']} of {row['present']}"
        cells = [row["finder"], row["half"], row["kind"], share, interval, f"{row['masked']:.2f}", row["false_alarms"]]
        print("| " + " | ".join(map(str, cells)) + " |")
    print("\n| finder | texts | number | with an alarm | 95 % interval | kinds | ms for 1,000 characters |")
    print("|---|---|---|---|---|---|---|")
    for row in figures["other_texts"]:
        kinds = ", ".join(f"{kind} {count}" for kind, count in row["kinds"].items())
        interval = f"{row['low']:.4f} to {row['high']:.4f}"
        cells = [row["finder"], row["set"], row["texts"], row["with_alarm"], interval, kinds, row["ms_per_1000_chars"]]
        print("| " + " | ".join(map(str, cells)) + " |")
    print("\n| finder | worst case | ms for 1,000 characters, of 1,000 | of 16,000 |\n|---|---|---|---|")
    for row in figures["worst_cases"]:
        print("| " + " | ".join(map(str, [row["finder"], row["text"], *row["ms_per_1000_chars"].values()])) + " |")


if __name__ == "__main__":
    main()
