"""`sixplane serve`: serves the HTTP API and the page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.extras import extra
from experience.cli.options import Home
from experience.cli.output import note
from experience.cli.running import run_async, settings_of
from settings.process import bound_free_memory, collect_as_usual

if TYPE_CHECKING:
    from settings import Settings

_log = logging.getLogger(__name__)

Host = Annotated[str | None, typer.Option("--host", help="The address to listen on.", show_default="127.0.0.1")]
Port = Annotated[
    int | None, typer.Option("--port", help="The port to listen on.", min=0, max=65_535, show_default="8080")
]


def serve(host: Host = None, port: Port = None, home: Home = None) -> None:
    """Serve the HTTP API, and a page for people. On SIGTERM, runs stop after their current step and can be resumed."""
    with extra("server", "fastapi"):
        from experience.page.front import serve_site
    from policy.identity import Authenticator

    settings = chosen(settings_of(home), host, port)
    prepare(settings)
    authenticate = Authenticator(settings)
    try:
        serve_site(settings, authenticate, started=lambda url: tell(settings, _where(settings, url)))
    finally:
        run_async(authenticate.aclose())


def _where(settings: Settings, url: str) -> str:
    page = f"; open {url} in a browser" if settings.server.page else ""
    return f"serving on {url}{page}; the routes of the API are on {url}/docs"


def tell(settings: Settings, text: str) -> None:
    """Tell where this process serves, on standard error: as words for people, or as a line of JSON among the others."""
    if settings.server.log_format == "json":
        _log.info("%s", text)
    else:
        note(text)


def prepare(settings: Settings) -> None:
    """Make this process one of a server: what it logs, what it keeps of freed memory, when it looks for garbage."""
    from observability.log_lines import configure_logging

    bound_free_memory()
    collect_as_usual()
    configure_logging(settings.server.log_format)


def chosen(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Return `settings` with the host and port of the command line."""
    given = {"host": host, "port": port}
    changed = {name: value for name, value in given.items() if value is not None}
    return settings.model_copy(update={"server": settings.server.model_copy(update=changed)})
