"""The extractive researcher: completes a follow-up (`asking.follow_ups`), and splits questions into parts.

Pure functions over English patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.extractive.asking.follow_ups import resolve
from gateway.extractive.asking.sides import sides
from gateway.extractive.bridges import next_questions
from gateway.extractive.named_terms import names
from gateway.extractive.overview import overview_questions
from gateway.extractive.ranking import STOP_WORDS
from state.roles import ResearchPlan

_LIMIT = 6
_IMPERATIVE = re.compile(
    r"\s*(?:please\s+)?(?:compare|define|describe|explain|find|give|identify|list|name|outline|show|state|summari[sz]e|tell|write)\b",
    re.IGNORECASE,
)
_NEXT_QUESTION = re.compile(
    r"\?\s+(?=[^\W\d_])(?!or\b|and\b)|;\s+|,?\s+and\s+(?=(?:how|what|when|where|which|who|whom|whose|why|does|do|did|is|are|can)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w[\w'’\-]*")


def plan(fields: Mapping[str, Any]) -> ResearchPlan:
    """Return the plan for the researcher's prompt fields.

    Read are `question`, `history`, `corpus`, `open_gaps`, `missing` and `max_sub_questions`.
    """
    question = " ".join(str(fields.get("question", "")).split()) or "?"
    standalone = resolve(question, fields.get("history") or [])
    limit = max(1, min(_LIMIT, int(fields.get("max_sub_questions") or _LIMIT)))
    gaps = [str(gap) for gap in fields.get("open_gaps") or []]
    again = _again(gaps, [str(words) for words in fields.get("missing") or []])
    # One side of a comparison would be another question, so a single sub-question is the whole one.
    whole = overview_questions(standalone, fields.get("corpus") or {}, limit)
    parts = again or whole or (split(standalone) if limit > 1 else [standalone])
    # The user's own words are the titles: this model has no others, and nobody needs to judge them.
    headed = len(parts) > 1 and not gaps and not whole
    sections = [part[:1].upper() + part[1:] for part in parts[:limit]] if headed else []
    return ResearchPlan(standalone_question=standalone, sub_questions=parts[:limit], sections=sections)


def _again(gaps: Sequence[str], missing: Sequence[str]) -> list[str]:
    """Return the questions of a later round: what a bridge makes askable, or else the open gaps in other words.

    Of several gaps, each gets one question, in order, so that the run knows which of them is asked again.
    """
    by_gap = [next_questions(words) for words in missing]
    if len(gaps) == len(by_gap) and len(gaps) > 1:
        texts = [(asked[0] if asked else reworded(gap)) for gap, asked in zip(gaps, by_gap, strict=True)]
    else:
        texts = [text for asked in by_gap for text in asked] or [reworded(gap) for gap in gaps]
    return list(dict.fromkeys(text for text in texts if text))


def split(question: str) -> list[str]:
    """Return the parts of `question`: its single questions, or the sides of a comparison; else the question itself.

    >>> split("Who was born first, Ada Lovelace or Alan Turing?")
    ['Ada Lovelace: who was born first?', 'Alan Turing: who was born first?']
    """
    asked = [part.strip(" ,;?") for part in _NEXT_QUESTION.split(question) if part.strip(" ,;?")]
    if len(asked) > 1:
        first = [{"question": f"{asked[0]}?"}]
        return [_ended(resolve(part, first) if index else part) for index, part in enumerate(asked)]
    return [side.asks for side in sides(question)] or [question]


def _ended(part: str) -> str:
    """Return `part` with a question mark, or with a full stop if it is a request."""
    bare = part.rstrip(" ?.!")
    return f"{bare}{'.' if _IMPERATIVE.match(bare) else '?'}"


def reworded(text: str) -> str:
    """Return `text` as a different query: its content words, then its names unchanged.

    Used for open gaps, whose original wording found nothing. Names stay whole: a shortened name is another name, and
    could be found although the one in the question is absent.

    >>> reworded("Where did the husband of Beatrice of Bohemia die?")
    'husband die about Beatrice of Bohemia'
    """
    found = [name.text for name in names(text)]
    for name in found:
        text = text.replace(name, " ", 1)
    rest = " ".join(_content(text))
    return f"{rest} about {', '.join(found)}".lstrip() if found else rest


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.casefold() not in STOP_WORDS]
