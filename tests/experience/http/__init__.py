"""The HTTP API over a real server on loopback."""
