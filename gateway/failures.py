"""One classifier: every error of an SDK or a transport becomes one of ours, or is a bug and stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Failure:
    """What an error means: whether to try again, after how many seconds at least, and whether it was billed."""

    reason: str
    transient: bool
    billed: bool
    retry_after: float = 0.0
    hint: str = ""


_HINTS = {
    400: "the model may not take this request; try another model",
    401: "set SIXPLANE_OPENAI__API_KEY",
    403: "check that the key may use this model",
    404: "check the model's name and SIXPLANE_OPENAI__BASE_URL",
    413: "retrieve fewer passages with `-k`",
    429: "wait, or choose another model",
}


def classify(error: BaseException) -> Failure | None:
    """Return what `error` means, `None` for one that no provider causes."""
    if isinstance(error, TimeoutError | httpx.TimeoutException) or _named(error, "APITimeoutError"):
        return Failure("it did not answer in time", transient=True, billed=True, hint="raise `models.timeout_seconds`")
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        transient = status in (408, 409, 425, 429) or status >= 500
        hint = _HINTS.get(status, "check the server's log")
        return Failure(
            f"it answered {status}", transient=transient, billed=False, retry_after=_retry_after(error), hint=hint
        )
    if isinstance(error, ConnectionError | httpx.TransportError) or _named(error, "APIConnectionError"):
        return Failure(
            "it cannot be reached", transient=True, billed=False, hint="check that the server runs and its address"
        )
    return None


def _named(error: BaseException, name: str) -> bool:
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _retry_after(error: BaseException) -> float:
    response = getattr(error, "response", None)
    value = response.headers.get("retry-after", "") if response is not None else ""
    try:
        return max(float(value), 0.0)
    except ValueError:
        return 0.0
