"""Hints for refusals by OCI, which answers 401 and 404 alike to a wrong key, a missing policy and a wrong name."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from gateway.classification import classify
from gateway.replies.credentials import why_refused
from state.errors import DependencyUnavailable, SixplaneError

_MODELS = (
    "SIXPLANE_OCI__COMPARTMENT_ID, that the region has what is asked, and that a policy says "
    "`allow group … to use generative-ai-family in compartment …`"
)

Result = TypeVar("Result")


async def tried(work: Awaitable[Result]) -> Result:
    """Await `work`, a call of the Generative AI service.

    Raises:
        DependencyUnavailable: the call failed; the hint says what to check.
    """
    try:
        return await work
    except SixplaneError as error:
        raise DependencyUnavailable(error.message, hint=both_remedies(error, _MODELS) or error.hint) from error
    except Exception as error:  # the SDK raises many classes: classify it, and raise unknown ones again
        failure = classify(error)
        if failure is None:
            raise
        raise DependencyUnavailable(failure.reason, hint=both_remedies(error, _MODELS) or failure.hint) from error


def both_remedies(error: BaseException, remedy: str) -> str:
    """Return the hint for an error whose cause is HTTP 401 or 404, or an empty string.

    OCI answers both to a wrong key and to a missing policy, so the hint names both remedies, unless the clock or the
    session's token is known to be the cause.
    """
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(cause, "status", None)
        if status in (401, 404):
            return (status == 401 and _known_remedy(cause)) or (
                f"check the key, its fingerprint and this machine's clock; and check {remedy}: "
                "OCI answers 401 and 404 alike for either, see docs/oci.md"
            )
        cause = cause.__cause__
    return ""


def _known_remedy(error: Any) -> str:
    headers = {str(name).lower(): str(value) for name, value in (getattr(error, "headers", None) or {}).items()}
    return why_refused(headers, getattr(error, "session", ("", "")))[1]
