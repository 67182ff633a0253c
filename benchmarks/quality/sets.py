"""The public sets of questions, in the form that `sixplane evaluate` reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experience.evaluation import GoldPlace, Question

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

Row = dict[str, Any]


@dataclass(frozen=True)
class PublicSet:
    """A set: the name of its corpus, its folder, and the group and the gold of a row."""

    name: str
    folder: str
    group: Callable[[Row], str]
    gold: Callable[[Row], list[GoldPlace]]

    @property
    def documents(self) -> Path:
        """The file of documents, ingested as `sixplane ingest` does it."""
        return DATA / self.folder / "corpus.jsonl"

    def questions(self, sample: int | None = None) -> tuple[Question, ...]:
        """Return the questions; with `sample`, as many of each group, chosen by the digests of their ids."""
        lines = (DATA / self.folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()
        questions = [self._question(json.loads(line)) for line in lines]
        return tuple(questions if sample is None else sampled(questions, sample))

    def _question(self, row: Row) -> Question:
        given: Row = {"id": row["_id"], "question": row["question"], "group": self.group(row)}
        if not row["answerable"]:
            return Question(**given, answerable=False)
        answers = [each for each in row["answers"] if each.strip()]
        return Question(**given, answers=tuple(answers), gold=tuple(self.gold(row)))


def sampled(questions: Sequence[Question], size: int) -> list[Question]:
    """Return `size` questions of each group, in their order. Nobody picked them: the digests of their ids did."""
    chosen: set[str] = set()
    for group in dict.fromkeys(each.group for each in questions):
        members = sorted((each.id for each in questions if each.group == group), key=_digest)
        chosen |= set(members[:size])
    return [each for each in questions if each.id in chosen]


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _split(row: Row) -> str:
    return str(row["split"])


def _answerable(row: Row) -> str:
    return "answerable" if row["answerable"] else "unanswerable"


def _one_group(_: Row) -> str:
    return ""


def _documents(row: Row) -> list[GoldPlace]:
    return [GoldPlace(document=f"corpus.jsonl#{each['doc_id']}") for each in row["evidence"]]


def _sentences(row: Row) -> list[GoldPlace]:
    return [
        GoldPlace(document=f"corpus.jsonl#{each['doc_id']}", text=sentence)
        for each in row["evidence"]
        for sentence in each["sentences"]
    ]


SETS = {
    each.name: each
    for each in (
        PublicSet("twowiki", "twowiki_multihop", _split, _documents),
        PublicSet("clapnq", "clapnq_dev", _answerable, _sentences),
        PublicSet("musique", "musique_100", _one_group, _documents),
    )
}
