"""The application of the process that takes connections: admission, probes, and the relay for everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Lifespan, Scope

from experience.http.front import probes
from experience.http.front.admission import Authenticate, add_admission
from experience.http.front.paths import PROBES
from experience.http.front.quotas import RequestQuota
from experience.http.problems import install
from experience.http.worker import Relay, Worker
from settings import Settings


def create_front(
    settings: Settings,
    authenticate: Authenticate,
    worker: Worker,
    *,
    quota: RequestQuota | None = None,
    before: Sequence[Middleware] = (),
    is_page: Callable[[Scope], bool] = lambda _: False,
) -> Starlette:
    """Return the application of the process that takes connections for the HTTP API, which runs in `worker`.

    Args:
        settings: the settings of the process.
        authenticate: maps the `Authorization` header and the client's address to a principal.
        worker: the process that works. It runs while this application does.
        quota, before, is_page: as for `add_admission`.
    """
    app = Starlette(routes=probes.ROUTES, lifespan=while_working(worker))
    app.state.standing = worker.standing
    install(app)
    app.add_middleware(Relay, worker=worker, here=PROBES)
    add_admission(app, settings, authenticate, room=worker.room, quota=quota, before=before, is_page=is_page)
    return app


def while_working(worker: Worker) -> Lifespan[Starlette]:
    """Return a lifespan during which `worker` runs."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with worker.running():
            yield

    return lifespan
