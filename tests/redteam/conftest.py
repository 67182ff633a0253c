"""Whole runs of the real graph, with the real guards, over a small corpus in memory."""

from tests.graphs.conftest import ask, build, corpora, settings

__all__ = ["ask", "build", "corpora", "settings"]
