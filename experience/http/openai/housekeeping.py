"""The chores of chat front ends: titles, tags and suggestions, asked for as chat calls and answered without a run.

A title is made of the words of the chat's first question, and the tag is the corpus. Suggestions are left empty: what
the documents could answer next, only a run could say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from experience.http.openai.conversation import Message, text_of
from settings.housekeeping import HousekeepingSettings

_TITLE_WORDS, _TITLE_CHARS = 6, 60
_EMOJI = "💬"
_QUOTED = re.compile(r"^\s*(?:user|human|user message)\s*:\s*\"?(.*\S)", re.IGNORECASE | re.MULTILINE)
"""A line of the user in a conversation that the prompt quotes."""

_NO_TITLE = "New chat"


class Chore(NamedTuple):
    """A chore: its name, as in the settings, and the index of the message that asks for it."""

    name: str
    at: int


def chore_of(messages: Sequence[Message], settings: HousekeepingSettings) -> Chore | None:
    """Return the chore that a chat call asks for, or `None` if it asks a question."""
    last = max(n for n, message in enumerate(messages) if message.role == "user")
    places = [last, *(n for n, message in enumerate(messages) if message.role in ("system", "developer"))]
    for at in places:
        text = text_of(messages[at]).lstrip()
        for name in HousekeepingSettings.model_fields:
            if any(re.match(pattern, text, re.IGNORECASE) for pattern in getattr(settings, name)):
                return Chore(name, at)
    return None


def done(chore: Chore, messages: Sequence[Message], corpus: str) -> str:
    """Return what the front end expects: JSON with the chore's name as key, or a title or an emoji alone."""
    prompt = text_of(messages[chore.at])
    if chore.name == "emoji":
        return _EMOJI
    if chore.name == "title":
        title = _title(messages, chore.at)
        return _json(title=title) if re.search(r"\{\s*\"title\"", prompt) else title
    if chore.name == "tags":
        return _json(tags=[corpus])
    return _json(**{chore.name: "" if chore.name in ("text", "prompt") else []})


def _title(messages: Sequence[Message], at: int) -> str:
    """Return the first words of the first question: one that the prompt quotes, or else a message beside it."""
    others = [text_of(message) for n, message in enumerate(messages) if n != at and message.role == "user"]
    quoted = (found[1] for text in (text_of(messages[at]), *others) if (found := _QUOTED.search(text)))
    question = next(quoted, next(filter(str.strip, others), ""))
    words = " ".join(question.split()[:_TITLE_WORDS])[:_TITLE_CHARS]
    return words.strip(" \t\"'?!.,;:*#") or _NO_TITLE


def _json(**value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
