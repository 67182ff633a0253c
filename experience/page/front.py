"""The page in the process that takes connections: who sends a request. All else of it is in the other process."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware

from experience.http.front.admission import Authenticate
from experience.http.front.app import create_front
from experience.http.front.quotas import RequestQuota
from experience.http.front.serving import run_server
from experience.http.worker import Relay, Worker
from experience.page import failing
from experience.page.door import Door, SignedIn
from experience.page.paths import is_of_page
from experience.page.sessions import Sessions
from settings import Settings


def serve_site(settings: Settings, authenticate: Authenticate, *, started: Callable[[str], None]) -> None:
    """Serve the site until SIGTERM or SIGINT. `started` gets the address. Raises the errors of `run_server`."""
    worker = Worker(settings, "experience.page.site:create_site")
    run_server(create_site_front(settings, authenticate, worker), worker, settings.server, started=started)


def create_site_front(settings: Settings, authenticate: Authenticate, worker: Worker) -> Starlette:
    """Return what takes the connections for the API and the page, or for the API alone if `server.page` is off.

    Args:
        settings: the settings of the process.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        worker: the process that works.
    """
    if not settings.server.page:
        return create_front(settings, authenticate, worker)
    quota = RequestQuota(settings.server.principal_requests_per_minute)
    page = Starlette()
    page.state.signs_in = settings.server.auth != "off"
    failing.install(page)
    failed = failing.failed_outside(page)
    page.add_middleware(Relay, worker=worker, failed=failed)
    page.add_middleware(SignedIn, authenticate=authenticate, sessions=Sessions(settings), quota=quota, failed=failed)
    door = Middleware(Door, page=page)
    return create_front(settings, authenticate, worker, quota=quota, before=[door], is_page=is_of_page)
