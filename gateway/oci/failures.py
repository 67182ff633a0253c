"""The failure table of OCI: errors of the SDK and of its HTTP transports.

Exceptions are recognised by class and module name, so that looking at an error does not import the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.provider_error import UNAUTHORIZED, ProviderFailure, proxy_failure, seconds_of, status_failure
from gateway.replies.credentials import why_refused
from gateway.replies.reply import words_of
from gateway.replies.words import knows_no_model

_MODULES = ("oci.", "aiohttp.", "settings.connections.oci_inference", "circuitbreaker", "langchain_oci.")

_DENIED = (
    "either the compartment or the model is unknown (`sixplane models`, SIXPLANE_OCI__COMPARTMENT_ID), or the user's "
    "group lacks the policy `allow group … to use generative-ai-family in compartment …`: OCI gives the same answer "
    "for both"
)
_HINTS = {
    400: "the model may not take this request; try another model",
    401: "either the key or token is not accepted, or the clock is off by more than five minutes: `sixplane doctor`; "
    "OCI also answers 401 or 404 where a policy is missing, see docs/oci.md",
    403: "the tenancy may not use this service: check its limits and policies, see docs/oci.md",
    404: _DENIED,
    429: "OCI throttles: wait, lower SIXPLANE_LIMITS__PRESET, or choose another model",
}
_NOT_SERVED = (
    "it is not served in this region, or no longer",
    "`sixplane models --live` shows what the region serves: choose another model, or correct SIXPLANE_OCI__REGION",
)
_NOT_FOUND = "its compartment does not exist, or it may not be used"
_UNREACHABLE = "check the network, the proxy and SIXPLANE_OCI__REGION or SIXPLANE_OCI__ENDPOINT"
_NEVER_SENT = ("ClientConnectorError", "ConnectionTimeoutError", "ConnectTimeout", "ClientProxyConnectionError")
_TIMEOUTS = ("ServerTimeoutError", "SocketTimeoutError", "RequestException", "ReadTimeout")


def from_oci(error: BaseException) -> bool:
    """Whether `error` comes from the OCI SDK or from a library it uses."""
    return any(kind.__module__.startswith(_MODULES) for kind in type(error).__mro__)


def classify_oci(error: BaseException) -> ProviderFailure | None:
    """Return what an error of the OCI SDK means, `None` if the service did not cause it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ServiceError" in names:
        return _of_service(error)
    if "CircuitBreakerError" in names:
        return _of_breaker(error)
    if "MalformedFrame" in names:
        return ProviderFailure(
            "its answer cannot be read as JSON", transient=True, billed=True, kind="malformed", hint="try again"
        )
    if "NoEventStream" in names:
        hint = "check SIXPLANE_OCI__ENDPOINT and the proxy in between: something other than OCI answered"
        return ProviderFailure(
            f"its answer is not an event stream but {str(error)!r}", transient=False, billed=True, hint=hint
        )
    if "ClientHttpProxyError" in names:
        return proxy_failure(int(error.status))  # type: ignore[attr-defined]  # aiohttp's
    if names.intersection(_NEVER_SENT):
        return ProviderFailure("it cannot be reached", transient=True, billed=False, hint=_UNREACHABLE)
    if names.intersection(_TIMEOUTS):
        hint = "raise SIXPLANE_OCI__READ_TIMEOUT_SECONDS"
        return ProviderFailure("it did not answer in time", transient=True, billed=True, hint=hint)
    if "ClientError" in names:
        return ProviderFailure(
            "the connection broke before its answer ended", transient=True, billed=True, hint=_UNREACHABLE
        )
    return None


def _of_service(error: Any) -> ProviderFailure:
    headers: Mapping[str, str] = {str(name).lower(): str(value) for name, value in (error.headers or {}).items()}
    status, message = int(error.status), str(error.message or "")
    if message.lstrip().startswith("<"):
        hint = "check SIXPLANE_OCI__ENDPOINT and the proxy in between: a web page came instead of OCI's answer"
        return replace(status_failure(status, hint), reason=f"it answered with a web page and status {status}")
    hint = _HINTS.get(status, "look up the request by its `opc-request-id` in the trace")
    found = status_failure(status, hint, seconds_of(headers.get("retry-after", "")), said := words_of(error))
    if status == UNAUTHORIZED:
        reason, remedy = why_refused(headers, getattr(error, "session", ("", "")))
        return replace(found, reason=reason or found.reason, hint=remedy or found.hint)
    if status in (400, 404) and knows_no_model(said):
        return replace(found, reason=f"{_NOT_SERVED[0]} ({status})", hint=_NOT_SERVED[1])
    unauthorized = status == 404 and error.code == "NotAuthorizedOrNotFound"
    return replace(found, reason=f"{_NOT_FOUND} (404)") if unauthorized else found


def _of_breaker(error: Any) -> ProviderFailure:
    remaining = max(float(getattr(getattr(error, "_circuit_breaker", None), "open_remaining", 0) or 0), 0.0)
    hint = "the service failed many times in a row: wait, or choose another model"
    return ProviderFailure(
        "its circuit breaker is open", transient=True, billed=False, retry_after=remaining, hint=hint
    )
