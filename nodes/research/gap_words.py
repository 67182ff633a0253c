"""What a report says is missing: in the user's own words, or in none.

A gap is told to the reader although no source carries it. A model's words for it may come from a document that the
model obeyed, so code words it, and uses a sub-question only if its words are the user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from nodes.checks.words import FUNCTION_WORDS
from nodes.outcome import SOURCE_FAILED
from state.channels import ResearchState
from state.values import SubQuestion

_WORD = re.compile(r"\w+")
_ENDING = re.compile(r"(?<=\w{3})(?:ies|es|s|ed|ing|y|e)$")


def missing_words(state: ResearchState, asked: SubQuestion, *, partly: bool = False, perhaps: bool = False) -> str:
    """Return the text of the gap that `asked` leaves.

    Args:
        state: the state of the run.
        asked: the sub-question.
        partly: whether something of it was answered.
        perhaps: whether what is quoted for it may answer it.
    """
    text = asked.asks or asked.text
    said = "It is not certain that the passages answer" if perhaps else "The corpus does not answer"
    said = "A source did not respond, and the rest does not answer" if _failed(state, asked, SOURCE_FAILED) else said
    said = "Retrieval failed for" if _failed(state, asked, "branch_failed") else said
    if (perhaps or not partly) and in_words_of(text, users_words(state)):
        return f"{said}: {text}"
    return f"{said} a part of the question: {state.get('question', '')}"


def users_words(state: ResearchState) -> list[str]:
    """Return what the user wrote: the question, and the earlier questions of the conversation."""
    return [state.get("question", ""), *(turn.question for turn in state.get("conversation", ()))]


def in_words_of(text: str, written: Iterable[str]) -> bool:
    """Return whether every content word of `text` stands in one of `written`, endings aside.

    >>> in_words_of("What does a ticket cost?", ["How much do tickets cost in July?"])
    True
    >>> in_words_of("Who sells tickets?", ["How much do tickets cost in July?"])
    False
    """
    known = {_stem(word) for other in written for word in _WORD.findall(other)}
    return all(_stem(word) in known for word in _WORD.findall(text) if word.lower() not in FUNCTION_WORDS)


def _failed(state: ResearchState, asked: SubQuestion, kind: str) -> bool:
    failed = (event.detail for event in state.get("events", ()) if event.kind == kind)
    return any(detail.startswith(f"{asked.id}:") for detail in failed)


def _stem(word: str) -> str:
    return _ENDING.sub("", word.lower())
