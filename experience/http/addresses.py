"""The address at which people reach this server."""

from __future__ import annotations

from starlette.requests import Request

from settings import ServerSettings


def origin_of(settings: ServerSettings, request: Request) -> str:
    """Return the origin without a slash at its end: that of the setting, or the one that a request was sent to."""
    return settings.public_url or str(request.base_url).rstrip("/")


def in_url(host: str) -> str:
    """Return a host as it stands in a URL and in the header `Host`: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
