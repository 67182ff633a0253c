"""The answers to probes: whether the process runs, and whether the service accepts runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_ACCEPTING = ("ready", "degraded")


async def live(request: Request) -> Response:  # noqa: ARG001 - the signature of a route
    """Answer as long as the process runs."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> Response:
    """Tell whether runs are accepted: not during shutdown, nor while something that every run needs fails.

    `degraded` accepts runs: something is amiss, and an administrator sees what it is at `/v1/health`.
    """
    tell: Callable[[], Awaitable[str]] = request.app.state.standing
    status = await tell()
    return JSONResponse({"status": status}, status_code=200 if status in _ACCEPTING else 503)


ROUTES = [
    Route("/health", live),
    Route("/v1/health/live", live),
    Route("/ready", ready),
    Route("/v1/health/ready", ready),
]
"""The routes of the process that takes connections; `experience.http.health` has those of the other one."""
