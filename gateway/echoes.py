"""Answers that repeat their prompt: weak models copy the schema, the examples or the fields instead of answering.

Such a text may well fit a schema, and a draft without a schema fits anything. Told apart by what is copied: the words
of a prompt's instructions are nobody's answer, while the words of its evidence may be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

_QUOTED, _LONG = 24, 40
"""Shorter texts may agree with an instruction by chance: `approve`, a heading, "the quotes do not say it".

Chosen values: 24 characters where the instructions quote the text, as they do their examples, 40 for any other.
"""

_QUOTATION_MARKS = ('"', "“", "`", "'")
_KEYWORDS = frozenset({"$defs", "description", "enum", "items", "properties", "required", "title"})


def is_schema(value: Any) -> bool:
    """Return whether a decoded object is a JSON schema, or the schema of one field."""
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and bool(_KEYWORDS.intersection(value))


def echoes_value(value: Any, prompt: Sequence[BaseMessage], further: str = "") -> bool:
    """Return whether a decoded answer is a schema, or takes most of its texts from the instructions.

    Args:
        value: the decoded answer.
        prompt: the messages that were answered.
        further: more instructions, for example a schema that was sent beside the messages.
    """
    if is_schema(value):
        return True
    told = _instructions(prompt, further)
    long = [text for text in _texts(value) if len(text) >= _QUOTED]
    return _mostly(long, [text for text in long if _stands_in(told, text)])


def echoes_text(text: str, prompt: Sequence[BaseMessage], further: str = "") -> bool:
    """Return whether most of a text's lines stand in the instructions, or are whole lines of the prompt's fields."""
    told = _instructions(prompt, further)
    fields = {line for message in prompt if isinstance(message, HumanMessage) for line in _lines(message.text)}
    lines = _lines(text)
    return _mostly(lines, [line for line in lines if line in fields or _stands_in(told, line)])


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _stands_in(told: str, text: str) -> bool:
    spelled = (text, json.dumps(text, ensure_ascii=False)[1:-1])  # as it is, and as in a spelled schema
    if len(text) >= _LONG:
        return any(form in told for form in spelled)
    return len(text) >= _QUOTED and any(f"{mark}{form}" in told for form in spelled for mark in _QUOTATION_MARKS)


def _instructions(prompt: Sequence[BaseMessage], further: str) -> str:
    said = [message.text for message in prompt if isinstance(message, SystemMessage)]
    return " ".join(each for each in map(_spaced_once, (*said, further)) if each)


@lru_cache(maxsize=64)
def _spaced_once(text: str) -> str:
    """Return a text without line breaks. The instructions of a role are the same in every run."""
    return " ".join(text.split())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield " ".join(value.split())
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _mostly(whole: Sequence[str], part: Sequence[str]) -> bool:
    return bool(part) and 2 * sum(map(len, part)) >= sum(map(len, whole))
