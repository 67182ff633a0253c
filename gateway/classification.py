"""One classifier: every error of an SDK or a transport becomes one of ours, or is a bug and stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from gateway.oci.failures import classify_oci, from_oci
from gateway.provider_error import Failure, ProviderError, seconds_of, status_failure

_HINTS = {
    400: "the model may not take this request; try another model",
    401: "set SIXPLANE_OPENAI__API_KEY",
    403: "check that the key may use this model",
    404: "check the model's name and SIXPLANE_OPENAI__BASE_URL",
    413: "retrieve fewer passages with `-k`",
    429: "wait, or choose another model",
}
_TOO_LONG = "retrieve fewer passages with `-k`, or set SIXPLANE_OPENAI__CONTEXT_TOKENS to what the server takes"
_NEVER_SENT = (ConnectionRefusedError, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class NoCompletionError(ProviderError):
    """An endpoint answered with something else than a chat completion."""

    def __init__(self) -> None:
        hint = "check SIXPLANE_OPENAI__BASE_URL; it usually ends in `/v1`"
        super().__init__(Failure("its answer is no chat completion", transient=False, billed=True, hint=hint))


def classify(error: BaseException) -> Failure | None:
    """Return what `error` means, `None` for one that no provider causes."""
    if isinstance(error, ProviderError):
        return error.failure
    if from_oci(error):
        return classify_oci(error)
    if isinstance(error, TimeoutError | httpx.TimeoutException) or _named(error, "APITimeoutError"):
        hint = "raise SIXPLANE_MODELS__TIMEOUT_SECONDS"
        return Failure("it did not answer in time", transient=True, billed=_was_sent(error), hint=hint)
    if isinstance(getattr(error, "status_code", None), int):
        return _of_status(error, error.status_code)  # type: ignore[attr-defined]
    if isinstance(error, ConnectionError | httpx.TransportError) or _named(error, "APIConnectionError"):
        hint = "check that the server runs, and SIXPLANE_OPENAI__BASE_URL"
        return Failure("it cannot be reached", transient=True, billed=_was_sent(error), hint=hint)
    return None


def _of_status(error: BaseException, status: int) -> Failure:
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
