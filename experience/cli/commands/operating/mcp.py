"""`sixplane mcp`: offers research, search and ingestion as tools for agents and IDEs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from experience.cli.commands.operating.serve import Host, Port, chosen, prepare, tell
from experience.cli.extras import extra
from experience.cli.options import Home, Tenant
from experience.cli.running import run_async, settings_of


class Transport(StrEnum):
    """How clients reach the server."""

    STDIO = "stdio"
    HTTP = "http"


How = Annotated[Transport, typer.Option("--transport", help="`stdio` for one local client, `http` for many clients.")]


def mcp(
    transport: How = Transport.STDIO,
    host: Host = None,
    port: Port = None,
    tenant: Tenant = "local",
    home: Home = None,
) -> None:
    """Serve the Model Context Protocol. Over stdio, the client acts as this machine's user in `--tenant`."""
    settings = chosen(settings_of(home), host, port)
    prepare(settings)
    if transport is Transport.STDIO:
        from experience.mcp.greeting import Greeter

        greeter = Greeter()  # it answers the client while the SDK is imported
        with extra("server"):
            from experience.mcp import serve_stdio
        run_async(serve_stdio(settings, tenant, greeter))
        return
    with extra("server", "mcp"):
        from experience.mcp import serve_http
    from policy.identity import Authenticator

    authenticate = Authenticator(settings)
    try:
        serve_http(settings, authenticate, started=lambda url: tell(settings, f"serving MCP on {url}"))
    finally:
        run_async(authenticate.aclose())
