"""The OpenAPI document, and the interactive documentation at `/docs`, whose files ship with Sixplane."""

from __future__ import annotations

from experience.http.documentation.openapi import Api
from experience.http.documentation.routes import PATHS, router

__all__ = ["PATHS", "Api", "router"]
