"""The MCP server: research, search and ingestion as tools for agents and IDEs. Needs the extra `server`.

Names are imported on first use: a local server must not load the HTTP API.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experience.mcp.front import serve_http
    from experience.mcp.stdio import serve_stdio
    from experience.mcp.tools import create_mcp

_MODULES = {"create_mcp": "tools", "serve_http": "front", "serve_stdio": "stdio"}

__all__ = ["create_mcp", "serve_http", "serve_stdio"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `experience.mcp` has no attribute {name!r}")
    return getattr(import_module(f"experience.mcp.{_MODULES[name]}"), name)
