"""Tests of the HTTP API with a real server on loopback."""
