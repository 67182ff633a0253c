"""`sixplane backup`: copies the home folder, also while it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experience.cli.options import Home, Json
from experience.cli.output import print_json, say
from experience.cli.running import settings_of

Target = Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the copy.")]


def backup(folder: Target, json_output: Json = False, home: Home = None) -> None:
    """Copy the home folder to a new folder, also while servers and commands use it: docs/operations.md restores it."""
    from experience.backup import back_up

    files = back_up(settings_of(home).home, folder)
    if json_output:
        print_json({"folder": str(folder), "files": files})
    else:
        say(f"{files} files: {folder}")
