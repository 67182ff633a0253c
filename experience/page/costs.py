"""What was spent, and the limits."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from experience.http.callers import AtDesk, Caller
from experience.page.templates import page_of

router = APIRouter()


@router.get("/costs")
async def costs(request: Request, person: Caller, desk: AtDesk) -> Response:
    """Show the budgets of the tenant and of the person."""
    return page_of(request, "costs.html", budgets=await desk.budget(person))
