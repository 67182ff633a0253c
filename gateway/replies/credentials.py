"""Why OCI does not accept who asks: the clock, the session's token, or else the key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST_SKEW_SECONDS = 240
"""OCI refuses a signature whose date is more than five minutes off. A minute less: answers take time to arrive."""

_SET_CLOCK = "set the clock, for example with `timedatectl set-ntp true`: OCI accepts five minutes of difference"


def why_refused(headers: Mapping[str, str], session: tuple[str, str]) -> tuple[str, str]:
    """Return why a signed request got status 401, and the remedy; empty texts if nothing tells.

    Args:
        headers: of the answer, with names in lower case.
        session: what the session says of its token, see `OCISession.refused`.
    """
    ahead = _seconds_ahead(headers.get("date", ""))
    if abs(ahead) > MOST_SKEW_SECONDS:
        where = "ahead of" if ahead > 0 else "behind"
        return f"this machine's clock is {_span(abs(ahead))} {where} the service's", _SET_CLOCK
    return session


def _seconds_ahead(date: str) -> float:
    """Return by how many seconds this machine's clock is ahead of the service's, which dates its answers."""
    try:
        said = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return 0.0
    aware = said if said.tzinfo else said.replace(tzinfo=UTC)
    return (datetime.now(UTC) - aware).total_seconds()


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
