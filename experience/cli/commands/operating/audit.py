"""`sixplane audit`: checks and shows the audit trail."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Annotated, Any

import typer

from experience.cli.errors import handled
from experience.cli.options import Home, Json
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import settings_of
from experience.exits import Exit
from state.audit_kinds import AuditKind

app = typer.Typer(help="Check and show the audit trail.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="The trail; without it, that of the settings.", show_default=False),
]
Known = Annotated[
    str, typer.Option("--head", help="A hash that an earlier check printed; the trail must still contain its line.")
]
Kinds = Annotated[list[AuditKind] | None, typer.Option("--kind", help="Only events of this kind; may be repeated.")]
Last = Annotated[int, typer.Option("--last", help="Only the last N events.", min=1, metavar="N")]


def verify(file: File = None, head: Known = "", json_output: Json = False, home: Home = None) -> None:
    """Check every line of the audit trail. The exit status is 2 if one was changed, removed, added or moved."""
    from observability.audit import check_trail

    checked = check_trail(_path(file, home), known=head)
    if json_output:
        print_json(checked.model_dump(mode="json"))
    else:
        say(f"lines: {checked.lines} in order, numbers {checked.first} to {checked.last}")
        if checked.fault is None:
            say(f"head: {checked.head or 'none'}")
    if checked.fault is not None:
        note(f"error: line {checked.fault.line}: {checked.fault.reason}")
        note("hint: keep the file as evidence and compare it with a backup or with the copies in OCI Logging")
        raise typer.Exit(Exit.BAD_INPUT)


def show(file: File = None, kind: Kinds = None, last: Last = 100, json_output: Json = False, home: Home = None) -> None:
    """Show events of the audit trail, oldest first, without checking them."""
    from observability.audit import read_lines

    kinds = set(kind or ())
    found = (line for line in read_lines(_path(file, home)) if not kinds or line.get("kind") in kinds)
    lines = list(deque(found, maxlen=last))
    if json_output:
        print_json(lines)
        return
    columns = ("n", "at", "kind", "operation", "outcome", "reason", "tenant", "principal", "object")
    print_table(columns, [tuple(_cell(line.get(name)) for name in columns) for line in lines])


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _path(file: Path | None, home: Path | None) -> Path:
    from observability.audit import trail_path

    return file if file is not None else trail_path(settings_of(home))


app.command("verify")(handled(verify))
app.command("show")(handled(show))
