"""OCI Guardrails behind the guard port. The service only reports scores; this guard decides.

Moderation and injection scores are binary (0.0 or 1.0). A result without a requested part counts as no answer, and the
chain refuses. The service echoes the personal data that it finds: none of it goes into a verdict or a log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from policy.guard import Guard
from policy.pii_actions import allows_all, judged
from policy.verdict import Stage, Verdict
from state.errors import GuardUnavailable
from state.values import Mask

if TYPE_CHECKING:
    from settings.policy import PolicySettings

ApplyGuardrails = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Calls the service with a text and returns its `results`."""

_KINDS = {"EMAIL": "EMAIL_ADDRESS", "TELEPHONE_NUMBER": "PHONE_NUMBER", "ADDRESS": "STREET_ADDRESS"}
"""The service's labels that have another name here. A label without a kind of ours gets the default action."""

FLAGGED = 0.5
"""Scores are documented as 0.0 or 1.0; the middle separates them whatever the service rounds."""


class OCIGuardrailsGuard(Guard):
    """Refuses unsafe content at every stage, and injected instructions in questions and evidence.

    Personal data is treated as by the local guard: each label of the service stands for one of its kinds.
    """

    name = "oci_guardrails"
    bounds_itself = True  # the gateway's deadline covers the call and the wait for the rate limit

    def __init__(self, apply: ApplyGuardrails, settings: PolicySettings) -> None:
        self._apply, self._settings = apply, settings.personal_data

    async def check(self, text: str, stage: Stage) -> Verdict:
        """Return the verdict on `text` at `stage`."""
        if not text.strip():
            return self.allow()
        results = await self._apply(text)
        if any(score > FLAGGED for score in _moderation(results)):
            return self.refuse("unsafe_content", f"the {stage.value} contains unsafe content")
        if stage is not Stage.ANSWER and _injection(results) > FLAGGED:
            return self.refuse("prompt_injection", f"the {stage.value} contains instructions to the model")
        if allows_all(stage, self._settings):
            return self.allow()
        return judged(self.name, _personal_data(results, len(text)), stage, self._settings)


def _moderation(results: Mapping[str, Any]) -> list[float]:
    found = (results.get("contentModeration") or {}).get("categories")
    listed = found if isinstance(found, list) else []
    named = {each.get("name") for each in listed if isinstance(each, Mapping)}
    if "OVERALL" not in named:
        raise GuardUnavailable("the answer of OCI Guardrails has no content moderation")
    return [_score(category) for category in listed]


def _injection(results: Mapping[str, Any]) -> float:
    found = results.get("promptInjection")
    if not isinstance(found, Mapping):
        raise GuardUnavailable("the answer of OCI Guardrails has no prompt-injection score")
    return _score(found)


def _score(found: Any) -> float:
    score = found.get("score") if isinstance(found, Mapping) else None
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0.0 <= score <= 1.0:
        raise GuardUnavailable("the answer of OCI Guardrails has no valid score")
    return float(score)


def _personal_data(results: Mapping[str, Any], length: int) -> list[Mask]:
    found = results.get("personallyIdentifiableInformation")
    if not isinstance(found, list):
        raise GuardUnavailable("the answer of OCI Guardrails has no personal-data result")
    return [_mask(item, length) for item in found]


def _mask(item: Any, length: int) -> Mask:
    found = item if isinstance(item, Mapping) else {}
    start, size = found.get("offset"), found.get("length")
    if not isinstance(start, int) or not isinstance(size, int) or not 0 <= start < start + size <= length:
        raise GuardUnavailable("OCI Guardrails returned no valid position of the personal data that it found")
    label = str(found.get("label") or "PERSONAL_DATA")
    return Mask(start=start, end=start + size, kind=_KINDS.get(label, label))
