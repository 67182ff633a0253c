"""What a loader is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from settings.tree import DataSettings


class Source(NamedTuple):
    """A file, and the settings that say how far it is read."""

    path: Path
    settings: DataSettings
    folder: Path | None = None
    """Where a container unpacks its members."""
    left_bytes: int = 0
    """How many bytes a container may unpack to."""
