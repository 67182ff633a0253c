"""The addresses of the API that the process which takes connections tells apart. Tests compare them with the routes."""

from __future__ import annotations

PROBES = ("/v1/health/live", "/v1/health/ready", "/health", "/ready")
"""Answered by the process that takes connections, without credentials."""

DOCUMENTATION = (
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css",
    "/docs/docs.js",
)
"""Answered by the process that works, without credentials."""

PUBLIC = (*PROBES, *DOCUMENTATION)
"""The paths that need no credentials."""

STARTS = ("/v1/chat", "/v1/chat/stream", "/v1/chat/completions", "/v1/responses")
"""The paths that start a run for each request."""
