"""The file of questions: JSON Lines, checked completely before the first question is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from settings.faults import fault_of, words_of
from state.errors import BadInput
from state.values import Value

_TOLD_LINES = 10
"""How many bad lines an error names. A chosen value: one screen; the same mistake is often on every line."""

_EXAMPLE = (
    'a line is `{"question": "…", "answers": ["…"], "gold": ["guide.md"]}`, or `{"question": "…", "answerable": false}`'
)
_FIELDS = "`_id`, `question`, `answers`, `gold`, `answerable`, `group`, `after`"
_PLACE_FIELDS = "`document`, and `text` or `start` and `end`"


class GoldPlace(Value):
    """A document that answers the question, or the place in it: words, or their offsets into its canonical text."""

    document: str = Field(min_length=1)
    text: str = ""
    start: int | None = Field(None, ge=0)
    end: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_way(self) -> GoldPlace:
        if (self.start is None) != (self.end is None):
            raise ValueError("give both `start` and `end`, or neither")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("`start` must be less than `end`")
        if self.text and self.start is not None:
            raise ValueError("give `text`, or `start` and `end`, not both")
        return self


class Question(Value):
    """One question and what is known about its answer.

    Args:
        id: the name of the question; its number in the file if it has none.
        question: the question as a user asks it.
        answers: texts each of which is a right answer.
        gold: documents, by id or source, or places in documents that answer the question.
        answerable: whether the corpus answers it.
        group: a group of questions whose figures are told apart, for example a kind of question.
        after: the id of an earlier question, for one that follows up on it: it is asked on the same thread.
    """

    id: str = ""
    question: str
    answers: tuple[str, ...] = ()
    gold: tuple[GoldPlace, ...] = ()
    answerable: bool = Field(True, strict=True)
    group: str = ""
    after: str = ""

    @field_validator("question")
    @classmethod
    def _asks(cls, question: str) -> str:
        if not question.strip():
            raise ValueError("the question is empty")
        return question

    @field_validator("answers")
    @classmethod
    def _said(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not all(each.strip() for each in given):
            raise ValueError("one of them is empty; leave it out")
        return given

    @field_validator("gold", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        return tuple({"document": each} if isinstance(each, str) else each for each in given)

    @model_validator(mode="after")
    def _consistent(self) -> Question:
        if not self.answerable and (self.answers or self.gold):
            raise ValueError("the question is not answerable, but has `answers` or `gold`; remove them")
        return self


def read_questions(path: Path, limit: int | None = None) -> tuple[Question, ...]:
    """Return the questions of a file, at most the first `limit`. Blank lines are skipped.

    Every line is checked, also those after `limit`.

    Raises:
        BadInput: the file cannot be read, holds no question, or has lines that are none; the message names the lines.
    """
    found: dict[int, Question] = {}
    faults: dict[int, str] = {}
    for number, line in _lines(path):
        try:
            question = _parsed(line)
            found[number] = question if question.id else question.model_copy(update={"id": str(number)})
        except ValidationError as error:
            faults[number] = _told(error)
        except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
            faults[number] = str(error) if isinstance(error, TypeError) else "it is not JSON in UTF-8"
    faults |= _twice(found) | _follow_nothing(found)
    if faults:
        raise unusable(path.name, faults)
    if not found:
        raise BadInput(f"{path.name!r} holds no question", hint=_EXAMPLE)
    return tuple(found.values())[:limit]


def unusable(name: str, faults: dict[int, str]) -> BadInput:
    """Return the error that names bad lines of the file `name`, with what is wrong with each."""
    told = [f"line {number}: {fault}" for number, fault in sorted(faults.items())[:_TOLD_LINES]]
    more = len(faults) - len(told)
    lines = "; ".join([*told, *([f"and {more} more lines"] if more > 0 else [])])
    return BadInput(f"{name!r} cannot be used: {lines}", hint=f"nothing was asked; {_EXAMPLE}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"the questions {str(path)!r} cannot be read: {error.strerror}", hint="give a file of JSON Lines"
        ) from error
    numbered = enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1)
    return ((number, line) for number, line in numbered if line.strip())


def _parsed(line: bytes) -> Question:
    fields = json.loads(line.decode())
    if not isinstance(fields, dict):
        raise TypeError("it is no JSON object")
    if "id" in fields:
        raise TypeError("the field `id` is called `_id`")
    identity = fields.pop("_id", "")
    return Question.model_validate({**fields, "id": str(identity) if isinstance(identity, int) else identity})


def _told(error: ValidationError) -> str:
    """Return the first fault without the line's contents, which may be personal data."""
    fault = error.errors()[0]
    where, in_gold = ".".join(map(str, fault["loc"])), len(fault["loc"]) > 1 and fault["loc"][0] == "gold"
    known = _PLACE_FIELDS if in_gold else _FIELDS
    if fault["type"] == "extra_forbidden":
        return f"there is no field `{where}`; the fields are {known}"
    told = fault_of(f"`{where}`", fault) if where else words_of(fault)
    return f"{told}; give a document's name, or an object with {known}" if in_gold else told


def _twice(found: dict[int, Question]) -> dict[int, str]:
    first: dict[str, int] = {}
    faults = {}
    for number, question in found.items():
        before = first.setdefault(question.id, number)
        if before != number:
            faults[number] = f"line {before} has the same `_id`; give each question its own, or none"
    return faults


def _follow_nothing(found: dict[int, Question]) -> dict[int, str]:
    asked: set[str] = {""}
    faults = {}
    for number, question in found.items():
        if question.after not in asked:
            faults[number] = f"`after`: no line before it has the `_id` {question.after[:80]!r}"
        asked.add(question.id)
    return faults
