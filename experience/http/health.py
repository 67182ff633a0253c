"""Routes for probes, for the detailed health checks, and for the budgets of the tenant."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from experience.doctor.values import HealthStatus
from experience.http.callers import AtDesk, Caller
from gateway.ledger.ledger import BudgetLine
from policy.identity import Permission

router = APIRouter(tags=["health"])

PROBES = ("/v1/health/live", "/v1/health/ready")
"""The routes that need no credentials."""


class Alive(BaseModel):
    """The answer to a probe: `live`, `ready`, `draining` or `unhealthy`."""

    status: str


class Budgets(BaseModel):
    """The limits of the tenant and what is spent of them, in micro-dollars."""

    budgets: list[BudgetLine]


@router.get("/v1/health/live")
async def live() -> Alive:
    """Answer as long as the process runs."""
    return Alive(status="live")


@router.get("/v1/health/ready", responses={503: {"model": Alive, "description": "The process accepts no runs now."}})
async def ready(desk: AtDesk, response: Response) -> Alive:
    """Tell whether runs are accepted. They are not during shutdown or while a health check fails."""
    if desk.runs.closed:
        response.status_code = 503
        return Alive(status="draining")
    health = await desk.service.health()
    response.status_code = 200 if health.ok else 503
    return Alive(status="ready" if health.ok else "unhealthy")


@router.get("/v1/health")
async def health(caller: Caller, desk: AtDesk) -> HealthStatus:
    """Return every check with its remedy. For administrators only: the checks reveal paths and addresses."""
    caller.require(Permission.ADMIN)
    return await desk.service.health()


@router.get("/v1/budget")
async def budget(caller: Caller, desk: AtDesk) -> Budgets:
    """Return the limits of the tenant and what is spent of them."""
    return Budgets(budgets=await desk.budget(caller))
