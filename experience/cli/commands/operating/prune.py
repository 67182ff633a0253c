"""`sixplane prune`: applies the settings of `retention` at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.options import Home, Json
from experience.cli.output import note, print_json, print_table
from experience.cli.running import run_async, settings_of

if TYPE_CHECKING:
    from experience.service.retention import Pruned
    from settings import Settings

DryRun = Annotated[bool, typer.Option("--dry-run", help="Delete nothing, and count what would be deleted.")]


_SETTINGS = {"trace_files": "traces_days", "trace_bytes": "traces_days", "settlements": "memos_days"}
"""The settings of what is not named like its setting."""


def prune(dry_run: DryRun = False, json_output: Json = False, home: Home = None) -> None:
    """Delete what is older than the settings of `retention` allow, in all tenants. A server does it once a day."""
    settings = settings_of(home)
    pruned = run_async(_prune(settings, dry_run=dry_run))
    if json_output:
        print_json({"dry_run": dry_run, **pruned.model_dump()})
        return
    kept = settings.retention.model_dump()
    rows = [
        (name.replace("_", " "), count, _days(kept[_SETTINGS.get(name, f"{name}_days")]))
        for name, count in pruned.model_dump().items()
    ]
    print_table(("what", "would go" if dry_run else "deleted", "kept for"), rows)
    if dry_run:
        note("nothing was deleted: run it without `--dry-run` to delete this")


def _days(days: int | None) -> str:
    return "ever" if days is None else f"{days} days"


async def _prune(settings: Settings, *, dry_run: bool) -> Pruned:
    from experience.service import open_service
    from experience.service.retention import prune

    async with open_service(settings) as service:
        return await prune(service, dry_run=dry_run)
