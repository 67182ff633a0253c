"""`sixplane db`: deploys the schema in Oracle Database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.auditing import event_of, recorded
from experience.cli.errors import handled
from experience.cli.options import Home, Json
from experience.cli.output import print_json, print_table, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.database import Migration, MigrationState

app = typer.Typer(help="Manage the schema in Oracle Database.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the complete DDL; needs no database.")]
Yes = Annotated[bool, typer.Option("--yes", help="Really drop everything.")]


def init(dry_run: DryRun = False, home: Home = None) -> None:
    """Create the missing tables and indexes. Run it again to continue after a failure."""
    if dry_run:
        from experience.database import script

        settings = settings_of(home)
        say(script(settings, run_async(_dimensions(home))))
        return
    for migration in run_async(_upgrade(home)):
        say(f"applied {migration.number}: {migration.name}")
    say("the schema is complete")


def status(json_output: Json = False, home: Home = None) -> None:
    """Show which migrations are applied."""
    states = run_async(_status(home))
    if json_output:
        print_json([{"number": each.number, "name": each.name, "state": each.state} for each in states])
        return
    print_table(("number", "migration", "state"), [(each.number, each.name, each.state) for each in states])


def optimize(home: Home = None) -> None:
    """Build the vector index, or rebuild it if the table has grown, compact the text index, gather statistics."""
    for line in run_async(_optimize(home)):
        say(line)


def drop(yes: Yes = False, home: Home = None) -> None:
    """Drop all tables with their data: corpora, checkpoints, memory, ledger."""
    if not yes:
        raise BadInput("this would delete all data", hint="add `--yes` to confirm")
    run_async(_drop(home))
    say("dropped")


def grants(home: Home = None) -> None:
    """Print the grants that the database user needs from an administrator."""
    from experience.grants import grants as statements

    for statement in statements(settings_of(home)):
        say(f"{statement};")


async def _dimensions(home: Path | None) -> int:
    from experience.database import embedding_dimensions

    return await embedding_dimensions(settings_of(home))


async def _upgrade(home: Path | None) -> list[Migration]:
    from experience.database import open_schema

    async with open_schema(settings_of(home), await _dimensions(home)) as schema:
        return await schema.upgrade()


async def _optimize(home: Path | None) -> list[str]:
    from experience.database import open_schema

    async with open_schema(settings_of(home), await _dimensions(home)) as schema:
        return await schema.optimize()


async def _status(home: Path | None) -> list[MigrationState]:
    from experience.database import open_schema

    async with open_schema(settings_of(home), await _dimensions(home)) as schema:
        return await schema.status()


async def _drop(home: Path | None) -> None:
    from experience.database import open_schema

    settings = settings_of(home)
    event = event_of("delete", "drop", "", "database:schema")
    async with open_schema(settings, await _dimensions(home)) as schema, recorded(settings, event):
        await schema.drop()


app.command("init")(handled(init))
app.command("upgrade")(handled(init))
app.command("status")(handled(status))
app.command("optimize")(handled(optimize))
app.command("drop")(handled(drop))
app.command("grants")(handled(grants))
