"""The failure table of OCI's OpenAI-compatible endpoints. Their errors carry OCI's code and message.

OCI gives one answer where something does not exist and where it may not be used, so each hint names both remedies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.openai.failures import classify_openai, page_failure, page_status, retry_after_of
from gateway.provider_error import PROXY_HINT, TOO_LARGE, UNAUTHORIZED, ProviderFailure, status_failure
from gateway.replies.credentials import why_refused
from gateway.replies.reply import words_of
from gateway.replies.words import knows_no_model

_POLICY = "a policy must say `allow group … to use generative-ai-family in compartment …`"
_KEY_POLICY = (
    "`allow any-user to use generative-ai-family in compartment … where ALL {request.principal.type="
    "'generativeaiapikey'}`"
)
_NETWORK = "check the network, the proxy and SIXPLANE_OCI__REGION or SIXPLANE_OCI__OPENAI__BASE_URL"
_HINTS = {
    400: "the model may not take this request; try another model",
    401: "either the key or token is not accepted, or the clock is off by more than five minutes: `sixplane doctor`",
    403: f"the tenancy may not use this service: check its limits, and its policies: {_POLICY}",
    404: f"check SIXPLANE_OCI__COMPARTMENT_ID and the model's name, and the policies: {_POLICY}",
    429: "OCI throttles: wait, lower SIXPLANE_LIMITS__PRESET, or choose another model",
}
_KEY_HINTS = {
    401: "it has expired, or it was made in another region than the endpoint's: make one there, and set "
    "SIXPLANE_OCI__OPENAI__API_KEY; or unset it, and requests are signed",
    403: f"a policy must let the key call models: {_KEY_POLICY}",
    404: f"check the model's name and the region, and the policies: {_KEY_POLICY}",
}
_NAMED: tuple[tuple[str, str, str], ...] = (
    (
        "multi agent requests are not allowed",
        "it answers on Responses only",
        "set SIXPLANE_OCI__OPENAI__SURFACE=auto, or to responses",
    ),
    (
        "project",
        "its project does not exist, or may not be used",
        "correct SIXPLANE_OCI__OPENAI__PROJECT_ID: the project belongs to one region and one compartment; or unset it",
    ),
    (
        "conversation store",
        "its conversation store does not exist, or may not be used",
        "correct SIXPLANE_OCI__OPENAI__CONVERSATION_STORE_ID, or unset it",
    ),
    (
        "compartment",
        "its compartment does not exist, or may not be used",
        f"correct SIXPLANE_OCI__COMPARTMENT_ID; {_POLICY}",
    ),
)
"""What a refusal names, in small letters; what happened; and the remedy."""

_NOT_SERVED = (
    "it is not served in this region, or not on this API",
    "`sixplane models --live` shows what the region serves: choose another model, or correct SIXPLANE_OCI__REGION",
)
_DEPLOYMENT_HINTS = {
    404: "check the address of the deployment and that it is active, and the policies: `allow group … to "
    "{DATA_SCIENCE_MODEL_DEPLOYMENT_PREDICT} in compartment …`",
    409: "the deployed server does not stream: set `stream = false` in its table of the settings",
    413: "a deployment takes 10 MB a request: retrieve fewer passages with `-k`",
    429: "give the deployment's load balancer more bandwidth, or ask less often with SIXPLANE_LIMITS__PRESET",
    500: "`/predict` ends a call after 60 seconds: set `stream = true`; else look into the deployment's log",
}
"""By the documentation of the endpoints `/predict` and `/predictWithResponseStream` of Data Science."""


def nothing_known() -> tuple[str, str]:
    """Return what is said of the credentials where no session signs."""
    return "", ""


@dataclass(frozen=True)
class FailureTable:
    """What the errors of one endpoint mean.

    Args:
        keyed: whether requests carry a Generative AI API key instead of a signature.
        deployment: the name of the deployment, empty for the endpoint of Generative AI.
        session: what the session says of its token, see `OCISession.refused`.
    """

    keyed: bool = False
    deployment: str = ""
    session: Callable[[], tuple[str, str]] = nothing_known

    @property
    def address_hint(self) -> str:
        """What to check where something else than a model answers."""
        where = (
            f"`oci.deployments.{self.deployment}.endpoint`"
            if self.deployment
            else "SIXPLANE_OCI__OPENAI__BASE_URL, which usually ends in `/openai/v1`,"
        )
        return f"check {where} and any proxy in between: something other than OCI answered"

    def __call__(self, error: BaseException) -> ProviderFailure | None:
        """Return what `error` means, `None` if the endpoint did not cause it."""
        page = page_status(error)
        if page is not None:
            return page_failure(page, self.address_hint)
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return self._of_status(error, status)
        found = classify_openai(error)
        if found is None or found.hint == PROXY_HINT:
            return found
        timed_out = "in time" in found.reason
        return replace(found, hint="raise SIXPLANE_OCI__READ_TIMEOUT_SECONDS" if timed_out else _NETWORK)

    def _of_status(self, error: BaseException, status: int) -> ProviderFailure:
        hints = {**_HINTS, **(_KEY_HINTS if self.keyed else {}), **(_DEPLOYMENT_HINTS if self.deployment else {})}
        hint = hints.get(status, "look up the request by its `opc-request-id` in the trace")
        said = words_of(error)
        found = status_failure(status, hint, retry_after_of(error), said)
        if status == UNAUTHORIZED:
            return self._unauthorized(error, found)
        if found.kind != "outage":
            return replace(found, hint=hints[status]) if status == TOO_LARGE and status in hints else found
        if status not in (400, 403, 404) or self.deployment:
            return found
        named = next((row for row in _NAMED if row[0] in said.lower()), None)
        if named is None and knows_no_model(said):
            named = ("", *_NOT_SERVED)
        return found if named is None else replace(found, reason=f"{named[1]} ({status})", hint=named[2])

    def _unauthorized(self, error: BaseException, found: ProviderFailure) -> ProviderFailure:
        if self.keyed:
            return replace(found, reason="its API key is not accepted")
        headers = getattr(getattr(error, "response", None), "headers", {})
        reason, remedy = why_refused(headers, self.session())
        return replace(found, reason=reason or found.reason, hint=remedy or found.hint)
