"""Which documents stand in a bundle with their whole text. Imports nothing heavy, for the command line."""

from __future__ import annotations

from enum import StrEnum


class WholeTexts(StrEnum):
    """Which documents stand in a bundle with their whole text; of the others it has the cited passages only.

    `open`: those without an audience of which the report withholds nothing. `readable`: all that the caller may read.
    `none`: no document.
    """

    OPEN = "open"
    READABLE = "readable"
    NONE = "none"
