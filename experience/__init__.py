"""Experience plane: command line, HTTP API, MCP server, notebooks, batch, and the service core they share."""

from __future__ import annotations

from experience.packages import check_packages

check_packages()
