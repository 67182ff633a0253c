"""Whether the process lives, whether it can take on runs, and what works."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from experience.doctor.values import HealthStatus
from experience.http.callers import AtDesk, Caller
from gateway.ledger.ledger import BudgetLine
from policy.identity import Permission

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """One word."""

    status: str


class Budgets(BaseModel):
    """What the tenant has spent and may spend, in micro-dollars."""

    budgets: list[BudgetLine]


@router.get("/v1/health/live")
async def live() -> Alive:
    """Answer, if the process lives."""
    return Alive(status="live")


@router.get("/v1/health/ready", responses={503: {"model": Alive, "description": "It takes on nothing now."}})
async def ready(desk: AtDesk, response: Response) -> Alive:
    """Say whether runs are taken on: not while the process goes down, nor with a check that fails."""
    if desk.runs.closed:
        response.status_code = 503
        return Alive(status="draining")
    health = await desk.service.health()
    response.status_code = 200 if health.ok else 503
    return Alive(status="ready" if health.ok else "unhealthy")


@router.get("/v1/health")
async def health(caller: Caller, desk: AtDesk) -> HealthStatus:
    """Return every check with its remedy. For administrators: it tells of the machine."""
    caller.require(Permission.ADMIN)
    return await desk.service.health()


@router.get("/v1/budget")
async def budget(caller: Caller, desk: AtDesk) -> Budgets:
    """Return what the tenant has spent and may spend."""
    return Budgets(budgets=await desk.budget(caller))
