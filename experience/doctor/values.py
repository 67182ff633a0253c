"""What a check returns. `sixplane doctor`, `GET /v1/health` and the service use these values."""

from __future__ import annotations

from state.values import Value


class HealthCheck(Value):
    """The result of one check. `hint` is the remedy of a failed check."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


class HealthStatus(Value):
    """The results of all checks; `ok` is true if every check passed."""

    ok: bool
    checks: tuple[HealthCheck, ...]
