"""What an error of the management API means: something to look at again, or an error with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experience.deploy.policies import DEPLOYERS
from gateway.provider_error import ProviderFailure
from gateway.replies.credentials import why_refused
from gateway.replies.reply import Heard, reply_in
from state.errors import DependencyUnavailable, SettingsInvalid, SixplaneError

STATEMENT = DEPLOYERS[0].format(group="…", compartment="…")
NOT_ALLOWED = (
    "OCI answers alike to a missing policy, a wrong compartment and a wrong key: check that a policy says "
    f"`{STATEMENT}`, SIXPLANE_OCI__COMPARTMENT_ID, and with `sixplane doctor` the key; see docs/oci.md#policies"
)
_AGAIN = "what was made stays and bears the stack's tags: run the command again, and it goes on from there"
_LIMITS = ("LimitExceeded", "QuotaExceeded")
_MOVED_ON = ("IncorrectState", "Conflict", "NoEtagMatch", "InvalidatedRetryToken")


class Raced(Exception):
    """Somebody else changed the resource, or OCI still works on it: look again.

    Args:
        error: what to tell if it stays so.
        token: whether the retry token was used for another request.
    """

    def __init__(self, error: SixplaneError, *, token: bool = False) -> None:
        super().__init__(error.message)
        self.error, self.token = error, token


class StillActive(Exception):
    """A deployment is the active one of its application: OCI deletes it with the application."""


def is_missing(error: BaseException) -> bool:
    """Whether `error` says that there is no such resource, or that one may not see it."""
    return getattr(error, "status", None) == 404


def meant(error: Exception, failure: ProviderFailure, operation: str, sent: Sequence[str] = ()) -> Exception:
    """Return what `error` means, as an exception to raise.

    Args:
        error: an error of the SDK.
        failure: how the gateway classifies it.
        operation: what was tried, in words: `create the application`.
        sent: texts of the request, which the error's own words must not repeat.
    """
    status, code = getattr(error, "status", 0), str(getattr(error, "code", ""))
    reply = reply_in(error, Heard(sent))
    if status == 403 and code == "NotAllowed" and "activedeployment" in reply.message.lower():
        return StillActive(operation)
    what = f"OCI did not {operation}: {failure.reason}{reply.told(failure.reason)}"
    if status == 412 or (status == 409 and code in _MOVED_ON):
        error_of = DependencyUnavailable(what, hint=f"another change is under way; {_AGAIN}")
        return Raced(error_of, token=code == "InvalidatedRetryToken")
    if code in _LIMITS:
        return DependencyUnavailable(what, hint="ask for a higher service limit, or delete what is no longer used")
    if status == 400:
        hint = (
            "the message names what OCI refuses: correct it in the stack's settings; `sixplane deploy plan` shows them"
        )
        return SettingsInvalid(what, hint=hint)
    return DependencyUnavailable(what, hint=_hint(error, failure, status))


def _hint(error: Any, failure: ProviderFailure, status: int) -> str:
    if status in (401, 403, 404):
        headers = {str(name).lower(): str(value) for name, value in (error.headers or {}).items()}
        known = why_refused(headers, getattr(error, "session", ("", "")))[1] if status == 401 else ""
        return known or NOT_ALLOWED
    if failure.transient:
        return f"{_AGAIN}; if it stays so, check the network, the proxy and SIXPLANE_OCI__MANAGEMENT_ENDPOINT"
    return failure.hint
