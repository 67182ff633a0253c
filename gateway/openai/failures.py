"""The failure table of OpenAI-compatible endpoints: errors of the `openai` SDK and of `httpx` below it.

Exceptions of the SDK are recognised by class name and by `status_code`: importing `openai` takes about a second, and
an error can be looked at without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx

from gateway.provider_error import (
    ProviderError,
    ProviderFailure,
    answered_failure,
    proxy_failure,
    seconds_of,
    status_failure,
)
from gateway.replies.reply import words_of

_HINTS = {
    400: "the model may not take this request; try another model",
    401: "set SIXPLANE_OPENAI__API_KEY",
    403: "check that the key may use this model",
    404: "check the model's name and SIXPLANE_OPENAI__BASE_URL",
    429: "wait, or choose another model",
}
_TOO_LONG = (
    "retrieve fewer passages with `-k`, or set SIXPLANE_OPENAI__CONTEXT_TOKENS to the context length of the server"
)
ADDRESS_HINT = "check SIXPLANE_OPENAI__BASE_URL, which usually ends in `/v1`, and any proxy in between"
# No request left this machine after one of these, so the attempt is free.
_NEVER_SENT = (ConnectionRefusedError, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class NoCompletionError(ProviderError):
    """An endpoint answered with something other than a chat completion."""

    def __init__(self, hint: str) -> None:
        # Billed, because the answer had status 200: the model may have run behind whatever broke its answer.
        super().__init__(
            ProviderFailure("its answer is not a chat completion", transient=False, billed=True, hint=hint)
        )


def classify_openai(error: BaseException) -> ProviderFailure | None:
    """Return what an error of an OpenAI-compatible endpoint means, `None` if the endpoint did not cause it."""
    status = page_status(error)
    if status is not None:
        return page_failure(status, ADDRESS_HINT)
    if isinstance(error, TimeoutError | httpx.TimeoutException) or named(error, "APITimeoutError"):
        hint = "raise SIXPLANE_MODELS__TIMEOUT_SECONDS"
        return ProviderFailure("it did not answer in time", transient=True, billed=was_sent(error), hint=hint)
    if isinstance(getattr(error, "status_code", None), int):
        return _of_status(error, error.status_code)  # type: ignore[attr-defined]  # tested in the line above
    refused = next((cause for cause in causes(error) if isinstance(cause, httpx.ProxyError)), None)
    if refused is not None:
        told = str(refused).partition(" ")[0]  # httpx tells status and reason of a refused CONNECT
        return proxy_failure(int(told) if told.isdecimal() else 0)
    if isinstance(error, ConnectionError | httpx.TransportError) or named(error, "APIConnectionError"):
        hint = "check that the server runs, and SIXPLANE_OPENAI__BASE_URL"
        return ProviderFailure("it cannot be reached", transient=True, billed=was_sent(error), hint=hint)
    return None


def page_status(error: BaseException) -> int | None:
    """Return the status of the web page that came instead of an answer, `None` if none did."""
    page = next((cause for cause in causes(error) if named(cause, "WebPage")), None)
    return None if page is None else int(str(page))


def page_failure(status: int, hint: str) -> ProviderFailure:
    """Return the failure of a web page. It costs nothing, unless a model may have answered behind a proxy's 5xx."""
    found = status_failure(status, hint)
    return replace(found, reason=f"it answered with a web page and status {status}")


def failed_response(error: BaseException) -> ProviderError | None:
    """Return what the `error` of a failed Response means; langchain-openai raises it as a bare `ValueError`."""
    told: Any = error.args[0] if error.args else None
    code, message = getattr(told, "code", None), getattr(told, "message", None)
    if not isinstance(code, str) or not isinstance(message, str):
        return None
    transient = code in ("server_error", "rate_limit_exceeded", "vector_store_timeout")
    failure = answered_failure("its response failed", code, message, transient=transient)
    return ProviderError(failure, {"code": code, "message": message})


def _of_status(error: BaseException, status: int) -> ProviderFailure:
    hint = _HINTS.get(status, "check the server's log")
    found = status_failure(status, hint, retry_after_of(error), words_of(error))
    return replace(found, hint=_TOO_LONG) if found.kind == "too_long" else found


def was_sent(error: BaseException) -> bool:
    """Whether a request may have left this machine before the error."""
    return not any(isinstance(cause, _NEVER_SENT) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what caused it."""
    while error is not None:
        yield error
        error = error.__cause__


def named(error: BaseException, name: str) -> bool:
    """Whether the error is of the class `name`, or of one that inherits from it."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def retry_after_of(error: BaseException) -> float:
    """Return the seconds that the answer's `Retry-After` demands."""
    response = getattr(error, "response", None)
    return seconds_of(response.headers.get("retry-after", "")) if response is not None else 0.0
