"""What a loader is given."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from settings.tree import DataSettings


class Source(NamedTuple):
    """A file, and the settings that say how far it is read."""

    path: Path
    settings: DataSettings
