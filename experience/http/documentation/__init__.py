"""The OpenAPI document, and the interactive documentation at `/docs`, whose files ship with Sixplane."""

from __future__ import annotations

from experience.http.documentation.openapi import Api
from experience.http.documentation.routes import router

__all__ = ["Api", "router"]
