"""What a managed source answers, whichever service it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from state.values import Value


class SourcePassage(Value):
    """A passage as the service returned it. `document_id` is the service's own; it and `source` may be empty."""

    text: str
    title: str = ""
    source: str = ""
    document_id: str = ""
    pages: tuple[int, ...] = ()


class SourceAnswer(Value):
    """The passages, best first. `said_chars` is the length of what the service wrote beside them, which nobody reads.

    `request_id` is the service's id of the request.
    """

    passages: tuple[SourcePassage, ...] = ()
    said_chars: int = 0
    request_id: str = ""


AskSource = Callable[[str, str], Awaitable[SourceAnswer]]
"""Asks a question once. The second argument identifies the call: it is the same in all of its attempts."""
