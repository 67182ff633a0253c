"""The failure table of OCI: errors of the SDK and of its HTTP transports.

Exceptions are recognised by class and module name, so that looking at an error does not import the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.provider_error import ProviderFailure, seconds_of, status_failure

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
    413: "retrieve fewer passages with `-k`",
    429: "OCI throttles: wait, lower SIXPLANE_LIMITS__PRESET, or choose another model",
}
_INAPPROPRIATE = "Inappropriate content"
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
    status, said = int(error.status), str(error.message or "")
    if status == 400 and _INAPPROPRIATE in said:
        hint = "the endpoint's own guardrail refused the text: rephrase the question"
        return ProviderFailure("it refused the content", transient=False, billed=False, hint=hint)
    if said.lstrip().startswith("<"):
        hint = "check SIXPLANE_OCI__ENDPOINT and the proxy in between: a web page came instead of OCI's answer"
        found = status_failure(status, hint)
        return ProviderFailure(
            f"it answered with a web page and status {status}", found.transient, found.billed, hint=hint
        )
    hint = _HINTS.get(status, "look up the request by its `opc-request-id` in the trace")
    return status_failure(status, hint, seconds_of(headers.get("retry-after", "")))


def _of_breaker(error: Any) -> ProviderFailure:
    remaining = max(float(getattr(getattr(error, "_circuit_breaker", None), "open_remaining", 0) or 0), 0.0)
    hint = "the service failed many times in a row: wait, or choose another model"
    return ProviderFailure(
        "its circuit breaker is open", transient=True, billed=False, retry_after=remaining, hint=hint
    )
