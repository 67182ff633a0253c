"""The interactive documentation of the API at `/docs`. Its files ship with Sixplane: it works without another host."""

from __future__ import annotations

from experience.http.documentation.routes import PATHS, router

__all__ = ["PATHS", "router"]
