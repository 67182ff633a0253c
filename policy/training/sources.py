"""The texts that the classifier learns from, and those that it is measured on, out of the evaluation data.

The halves are those of the data's README: deepset's own split, everything else by `int(sha256(_id), 16) % 2`, where 0
is for training. Training reads the first half only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Half = Literal["train", "test"]

ROOT = Path(__file__).resolve().parents[2]
PIECE_CHARS = 1000
_QUESTIONS = {
    "clapnq": ("clapnq_dev/qa.jsonl", "question"),
    "2wiki": ("twowiki_multihop/qa.jsonl", "question"),
    "musique": ("musique_100/qa.jsonl", "question"),
    "scifact_queries": ("scifact/queries.jsonl", "text"),
    "limit": ("limit_small/queries.jsonl", "text"),
}
_GUARDS = {
    "deepset": "deepset_prompt_injections",
    "inthewild": "inthewild_jailbreaks",
    "notinject": "notinject",
    "wildguard": "wildguard_benign",
    "cyberseceval": "cyberseceval_frr_benign",
    "xstest": "xstest",
}


@dataclass(frozen=True)
class Text:
    """One text of a set. `attack` is the part of a document that was put in; `group` holds what belongs together."""

    set: str
    text: str
    hostile: bool = False
    attack: str = ""
    group: str = ""


def half_of(name: str) -> Half:
    """Return the half that an id belongs to."""
    return "train" if int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 == 0 else "test"


def prompts(data: Path, half: Half) -> Iterator[Text]:
    """Yield the prompts: hostile and harmless ones, and questions as people ask them."""
    for name, folder in _GUARDS.items():
        for row in _rows(data / "guard" / folder / "guard.jsonl"):
            if (row.get("split") or half_of(row["_id"])) == half and row["label"] != "harmful":
                hostile = row["label"] != "benign"
                # Many jailbreaks are variants of one text, which show in their first words.
                yield Text(_named(name, hostile), row["text"], hostile, group=row["text"][:40].lower())
    for name, (path, key) in _QUESTIONS.items():
        for row in _rows(data / path):
            if half_of(row["_id"]) == half:
                yield Text(f"questions: {name}", row[key], group=row[key])


def documents(data: Path, half: Half) -> Iterator[Text]:
    """Yield the documents: e-mails and tables with and without an attack, abstracts, manuals, encyclopaedia."""
    for row in _rows(data / "guard" / "bipia_indirect" / "guard.jsonl"):
        if half_of(row["_id"]) == half:
            hostile, base = row["label"] != "benign", row["_id"].rsplit("-", 1)[0]
            group = row["attack_category"] if hostile else base
            yield Text(_named("bipia", hostile), row["text"], hostile, row.get("attack", ""), group)
    for row in _rows(data / "scifact" / "corpus.jsonl"):
        if half_of(row["_id"]) == half:
            yield Text("scifact abstracts", f"{row['title']}\n{row['text']}", group=row["_id"])
    for folder in ("twowiki_multihop", "clapnq_dev", "musique_100"):
        for row in _rows(data / folder / "corpus.jsonl"):
            if half_of(row["_id"]) == half:
                yield Text("wikipedia paragraphs", f"{row['title']}\n{row['text']}", group=row["_id"])
    oracle = data / "documents" / "oracle"
    manuals = sorted(each for ending in ("md", "rst") for each in oracle.rglob(f"*.{ending}"))
    named = {path.relative_to(oracle).as_posix(): path for path in manuals}
    yield from _pieces("oracle documentation", {name: path for name, path in named.items() if half_of(name) == half})
    # Our own documents tell of models, prompts and guards as few others do. The sample corpus is never learnt from.
    own = {path.name: path for path in sorted((ROOT / "docs").glob("*.md"))}
    yield from _pieces("sixplane documentation", own if half == "train" else {})
    yield from _pieces("sample corpus", {} if half == "train" else {p.name: p for p in ROOT.glob("docs/sample/*.md")})


def _pieces(name: str, paths: Mapping[str, Path]) -> Iterator[Text]:
    for group, path in paths.items():
        text = path.read_text(encoding="utf-8", errors="replace")
        for start in range(0, len(text), PIECE_CHARS):
            if text[start : start + PIECE_CHARS].strip():
                yield Text(name, text[start : start + PIECE_CHARS], group=group)


def _named(name: str, hostile: bool) -> str:
    return f"{name} attacks" if hostile else f"{name} harmless"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
