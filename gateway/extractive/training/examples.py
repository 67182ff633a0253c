"""Examples: recorded questions with their evidence, and which sentences and answers are right.

A record is a line of JSON: `set`, `id`, `kind` (`answerable`, `near_miss`: the evidence is on the subject and does not
answer, `absent`), `passages` (evidence items as prompts hold them), `gold` (aliases of the passages that answer),
`telling` (texts that mark a sentence of these as one that answers or leads there) and `parts`: each sub-question's
`text`, and `wanted`: texts of which one, or all if `every`, must be quoted for an answer.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from gateway.extractive.features import Array, Question, question_of, sentence_features
from gateway.extractive.ranking import unit_rows
from gateway.extractive.reading import Candidate, candidates
from state.errors import BadInput
from state.evidence_block import EvidenceItem

_LONG = 6  # words; from here on a text may also hold the sentence, instead of the other way round
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Part:
    """One sub-question of an example, with the features of its sentences.

    `told` is false if the analysis leaves it open by what it names or asks for, whatever the ranker says.
    """

    question: Question
    rows: Array
    wanted: tuple[str, ...]
    every: bool
    told: bool


@dataclass(frozen=True)
class Example:
    """One question: its sentences, which of them are right, and its parts."""

    set: str
    id: str
    kind: str
    sentences: tuple[Candidate, ...]
    right: Array
    parts: tuple[Part, ...]


def examples(path: Path, embeddings: Embeddings, embedded: int) -> list[Example]:
    """Return the examples of a file of records, `embedded` sentences of each at most.

    Raises:
        BadInput: a line is no record.
    """
    known: dict[str, list[float]] = {}
    return [_example(record, embeddings, embedded, known) for record in _records(path)]


def answers(part: Part, quoted: str) -> bool:
    """Return whether what is quoted holds what `part` wants."""
    found = [holds(quoted, text) for text in part.wanted]
    return bool(found) and (all(found) if part.every else any(found))


def holds(text: str, wanted: str) -> bool:
    """Return whether `text` holds the words of `wanted` in a row, whatever the case, accents and punctuation.

    >>> holds("It was founded by René Dupont.", "Rene  DUPONT")
    True
    """
    words = normal(wanted)
    return bool(words) and f" {words} " in f" {normal(text)} "


def normal(text: str) -> str:
    """Return the words of `text` without case, accents and punctuation, a space between them."""
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join(_WORD.findall("".join(char for char in decomposed if not unicodedata.combining(char)).lower()))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            record["items"] = [EvidenceItem.model_validate(each) for each in record["passages"]]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path.name}, line {number}: no record of a question: {error}") from error
        yield record


def _example(record: dict[str, Any], embeddings: Embeddings, embedded: int, known: dict[str, list[float]]) -> Example:
    asked = [{"id": f"q{number}", "text": part["text"]} for number, part in enumerate(record["parts"], 1)]
    reading = candidates({"sub_questions": asked}, record["items"], embedded)
    vectors = unit_rows(_embedded(reading.texts, embeddings, known))
    count = len(reading.asked)
    parts = []
    for position, part in enumerate(record["parts"]):
        question = question_of(reading.asked[position].reads, reading)
        rows = sentence_features(question, reading.sentences, vectors[position], vectors[count:])
        told = not (reading.asked[position].absent or reading.asked[position].untold)
        parts.append(Part(question, rows, tuple(part["wanted"]), bool(part["every"]), told))
    gold = frozenset(record["gold"])
    right = [each.item.alias in gold and _right(each, record["telling"]) for each in reading.sentences]
    return Example(
        record["set"], record["id"], record["kind"], reading.sentences, np.asarray(right, dtype=float), tuple(parts)
    )


def _embedded(texts: Sequence[str], embeddings: Embeddings, known: dict[str, list[float]]) -> list[list[float]]:
    new = [text for text in dict.fromkeys(texts) if text not in known]
    known.update(zip(new, embeddings.embed_documents(new), strict=True) if new else ())
    return [known[text] for text in texts]


def _right(candidate: Candidate, telling: Sequence[str]) -> bool:
    """Return whether a sentence tells, or introduces what tells where no sentence does, such as code."""
    if _tells(candidate.quote, telling):
        return True
    unit = candidate.unit
    if unit.kind == "prose" or not any(holds(unit.text, text) for text in telling):
        return False
    return not any(_tells(unit.item.text[slice(*span)], telling) for span in unit.sentences)


def _tells(sentence: str, telling: Iterable[str]) -> bool:
    long = len(normal(sentence).split()) >= _LONG
    return any(holds(sentence, text) or (long and holds(text, sentence)) for text in telling)
