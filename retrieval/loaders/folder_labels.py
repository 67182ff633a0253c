"""The access labels that the setting `data.audiences` gives to the files of a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from state.access import Labels

if TYPE_CHECKING:
    from settings import Settings


def label_of_folder(path: Path, settings: Settings) -> Labels | None:
    """Return the label of the innermost configured folder that holds the file; `None` if none does.

    Where a file really lies counts before the links that lead to it: a link in an open folder must not open a file of a
    restricted one.
    """
    folders = settings.data.audiences
    if not folders:
        return None
    for resolved in (os.path.realpath, os.path.abspath):
        place = Path(resolved(path))
        holding = [folder for folder in folders if place.is_relative_to(resolved(folder))]
        if holding:
            return folders[max(holding, key=lambda folder: len(Path(resolved(folder)).parts))]
    return None
