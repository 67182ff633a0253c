"""Typed clients of the HTTP API in Python and TypeScript, and the generator that writes them."""
