"""The service core, which every surface calls.

Names are imported on first use, because loading the graph takes about a second and `sixplane --help` needs none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experience.service.models import ResearchRequest
    from experience.service.research import ResearchService, open_service

__all__ = ["ResearchRequest", "ResearchService", "open_service"]

_MODULES = {"ResearchRequest": "models", "ResearchService": "research", "open_service": "research"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
