"""The MCP server, by the official client."""
