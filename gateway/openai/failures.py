"""The failure table of OpenAI-compatible endpoints: errors of the `openai` SDK and of `httpx` below it.

Exceptions of the SDK are recognised by class name and by `status_code`: importing `openai` takes about a second, and
an error can be looked at without it.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from gateway.provider_error import ProviderError, ProviderFailure, seconds_of, status_failure

_HINTS = {
    400: "the model may not take this request; try another model",
    401: "set SIXPLANE_OPENAI__API_KEY",
    403: "check that the key may use this model",
    404: "check the model's name and SIXPLANE_OPENAI__BASE_URL",
    413: "retrieve fewer passages with `-k`",
    429: "wait, or choose another model",
}
_TOO_LONG = (
    "retrieve fewer passages with `-k`, or set SIXPLANE_OPENAI__CONTEXT_TOKENS to the context length of the server"
)
# No request left this machine after one of these, so the attempt is free.
_NEVER_SENT = (ConnectionRefusedError, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class NoCompletionError(ProviderError):
    """An endpoint answered with something other than a chat completion."""

    def __init__(self) -> None:
        hint = "check SIXPLANE_OPENAI__BASE_URL; it usually ends in `/v1`"
        # Billed, because the answer had status 200: the model may have run behind whatever broke its answer.
        super().__init__(
            ProviderFailure("its answer is not a chat completion", transient=False, billed=True, hint=hint)
        )


def classify_openai(error: BaseException) -> ProviderFailure | None:
    """Return what an error of an OpenAI-compatible endpoint means, `None` if the endpoint did not cause it."""
    if isinstance(error, TimeoutError | httpx.TimeoutException) or _named(error, "APITimeoutError"):
        hint = "raise SIXPLANE_MODELS__TIMEOUT_SECONDS"
        return ProviderFailure("it did not answer in time", transient=True, billed=_was_sent(error), hint=hint)
    if isinstance(getattr(error, "status_code", None), int):
        return _of_status(error, error.status_code)  # type: ignore[attr-defined]  # tested in the line above
    if isinstance(error, ConnectionError | httpx.TransportError) or _named(error, "APIConnectionError"):
        hint = "check that the server runs, and SIXPLANE_OPENAI__BASE_URL"
        return ProviderFailure("it cannot be reached", transient=True, billed=_was_sent(error), hint=hint)
    return None


def _of_status(error: BaseException, status: int) -> ProviderFailure:
    hint = _TOO_LONG if status == 400 and "context" in str(error) else _HINTS.get(status, "check the server's log")
    return status_failure(status, hint, _retry_after(error))


def _was_sent(error: BaseException) -> bool:
    return not any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _named(error: BaseException, name: str) -> bool:
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _retry_after(error: BaseException) -> float:
    response = getattr(error, "response", None)
    return seconds_of(response.headers.get("retry-after", "")) if response is not None else 0.0
