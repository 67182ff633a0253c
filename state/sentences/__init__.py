"""Sentences as offsets into a text, and the abbreviations that do not end one."""

from __future__ import annotations

from state.sentences.boundaries import sentences

__all__ = ["sentences"]
