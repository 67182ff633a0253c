"""Routes for probes, for the detailed health checks, and for the budgets of the tenant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from experience.doctor.values import HealthStatus, State
from experience.http.callers import AtDesk, Caller
from experience.http.front import probes
from experience.service.desk import Desk
from gateway.ledger.budget_lines import BudgetLine
from policy.identity import Permission

router = APIRouter(tags=["health"])

DETAILS = "/v1/health"
"""The route of the detailed checks."""


SURE_SECONDS = 2.0
"""How long a check answers the probes. A chosen value, below the period of usual probes."""


class Readiness:
    """The state of the service, checked at most once in `SURE_SECONDS`: anybody may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._checking = clock, asyncio.Lock()
        self._state, self._until = State.UNHEALTHY, float("-inf")

    async def state(self, check: Callable[[], Awaitable[HealthStatus]]) -> State:
        """Return what `check` amounts to, or the last one did."""
        async with self._checking:
            if self._clock() >= self._until:
                self._state = State.UNHEALTHY  # stays so if the check itself fails
                try:
                    self._state = (await check()).status
                finally:
                    self._until = self._clock() + SURE_SECONDS
            return self._state


async def standing(desk: Desk, readiness: Readiness) -> str:
    """Return `ready`, `degraded`, `draining` or `unhealthy`."""
    return "draining" if desk.runs.closed else (await readiness.state(desk.service.ready)).value


class Alive(BaseModel):
    """The answer to a probe: `live`; or `ready`, `degraded`, `draining` or `unhealthy`."""

    status: str


class Budgets(BaseModel):
    """The limits of the tenant and what is spent of them, in micro-dollars."""

    budgets: list[BudgetLine]


_UNREADY: dict[int | str, dict[str, Any]] = {503: {"model": Alive, "description": "The process accepts no runs now."}}

for path, name in (("/v1/health/live", "live"), ("/health", "probeLive")):
    router.get(path, operation_id=name, response_model=Alive)(probes.live)
for path, name in (("/v1/health/ready", "ready"), ("/ready", "probeReady")):
    router.get(path, operation_id=name, response_model=Alive, responses=_UNREADY)(probes.ready)


@router.get(DETAILS, operation_id="health")
async def health(caller: Caller, desk: AtDesk) -> HealthStatus:
    """Return every check with its remedy. For administrators only: the checks reveal paths and addresses."""
    caller.require(Permission.ADMIN)
    return await desk.service.health()


@router.get("/v1/budget", operation_id="budget")
async def budget(caller: Caller, desk: AtDesk) -> Budgets:
    """Return the limits of the tenant and what is spent of them."""
    return Budgets(budgets=await desk.budget(caller))
