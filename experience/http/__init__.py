"""The HTTP API: the service core over FastAPI. Needs the extra `server`."""

from __future__ import annotations

from experience.http.app import create_app
from experience.http.serving import serve

__all__ = ["create_app", "serve"]
