"""Serves MCP to many clients over HTTP: the process that takes connections knows who sends a request, and relays it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette

from experience.http.front.admission import Authenticate, Authenticated
from experience.http.front.app import while_working
from experience.http.front.quotas import RequestQuota
from experience.http.front.request_ids import RequestId
from experience.http.front.serving import run_server
from experience.http.problems import install
from experience.http.worker import Relay, Worker
from settings import Settings

PATH = "/mcp"


def serve_http(settings: Settings, authenticate: Authenticate, *, started: Callable[[str], None]) -> None:
    """Serve clients over streamable HTTP at `/mcp`. Raises the errors of `run_server`."""
    worker = Worker(settings, "experience.mcp.serving:create_mcp_app")
    front = create_mcp_front(settings, authenticate, worker)
    run_server(front, worker, settings.server, started=lambda url: started(f"{url}{PATH}"))


def create_mcp_front(settings: Settings, authenticate: Authenticate, worker: Worker) -> Starlette:
    """Return what takes the connections. Every request needs credentials, and is relayed to `worker`."""
    app = Starlette(lifespan=while_working(worker))
    install(app)
    app.add_middleware(Relay, worker=worker)
    add_authentication(app, settings, authenticate)
    return app


def add_authentication(app: Starlette, settings: Settings, authenticate: Authenticate) -> None:
    """Let nobody reach `app`, of either process, who is not known."""
    quota = RequestQuota(settings.server.principal_requests_per_minute)
    app.add_middleware(Authenticated, authenticate=authenticate, quota=quota)
    app.add_middleware(RequestId)
