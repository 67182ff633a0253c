"""The HTTP API: FastAPI routes over the service core. Needs the extra `server`."""

from __future__ import annotations

from experience.http.app import create_app
from experience.http.serving import run_server

__all__ = ["create_app", "run_server"]
