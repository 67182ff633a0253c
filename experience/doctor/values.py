"""What a check returns. `sixplane doctor`, `GET /v1/health` and the service use these values."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic import computed_field

from state.values import Value


class State(StrEnum):
    """What the checks amount to."""

    READY = "ready"
    DEGRADED = "degraded"
    """Runs are accepted, and something is amiss."""
    UNHEALTHY = "unhealthy"


class HealthCheck(Value):
    """The result of one check. `hint` is the remedy of a failed check; without an essential one, no run can work."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    essential: bool = True


class HealthStatus(Value):
    """The results of all checks; `ok` is true if every check passed."""

    ok: bool
    checks: tuple[HealthCheck, ...]

    @computed_field(description="`ready`, `degraded` (something is amiss, runs are accepted) or `unhealthy`.")  # type: ignore[prop-decorator]
    @property
    def status(self) -> State:
        """What the checks amount to."""
        if any(check.essential and not check.ok for check in self.checks):
            return State.UNHEALTHY
        return State.READY if all(check.ok for check in self.checks) else State.DEGRADED


def status_of(checks: Iterable[HealthCheck]) -> HealthStatus:
    """Return the results of `checks` as one."""
    given = tuple(checks)
    return HealthStatus(ok=all(check.ok for check in given), checks=given)
