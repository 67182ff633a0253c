"""Which of JSON and server-sent events a client asks for by its `Accept` header, as hosted platforms do."""

from __future__ import annotations

from fastapi import Request

EVENTS = "text/event-stream"
_JSON = ("application/json", "application/*", "*/*", "")


def wants_events(request: Request) -> bool:
    """Return whether the client prefers a stream of events to JSON.

    Of two that it likes the same, the first that it names counts; one that names neither gets JSON.
    """
    ranges = [_range(each) for each in ",".join(request.headers.getlist("accept")).split(",")]
    liked = sorted((each for each in ranges if each[1] > 0), key=lambda each: -each[1])  # stable: the first comes first
    return next((kind == EVENTS for kind, _ in liked if kind == EVENTS or kind in _JSON), False)


def _range(text: str) -> tuple[str, float]:
    """Return a media range without its parameters, and its weight; one that cannot be read has none."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return kind, min(float(given), 1.0)
    except ValueError:
        return kind, 0.0
