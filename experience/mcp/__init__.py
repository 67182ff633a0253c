"""The MCP server: research, search and ingestion as tools for agents and IDEs. Needs the extra `server`."""

from __future__ import annotations

from experience.mcp.serving import serve_http, serve_stdio
from experience.mcp.tools import create_mcp

__all__ = ["create_mcp", "serve_http", "serve_stdio"]
