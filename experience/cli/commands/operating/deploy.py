"""`sixplane deploy`: makes, changes, shows and removes a stack on OCI."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.errors import handled
from experience.cli.options import Home, Json
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.deploy.opening import Opened
    from experience.deploy.values import Plan

app = typer.Typer(help="Deploy Sixplane as a hosted application of OCI Generative AI.", no_args_is_help=True)

StackOption = Annotated[str, typer.Option("--stack", help="The stack: a table `[deploy.NAME]` of sixplane.toml.")]
Region = Annotated[
    str | None, typer.Option("--region", help="The region.", show_default="oci.region, or that of the OCI profile")
]
Image = Annotated[str | None, typer.Option("--image", help="The image, in place of the stack's.")]
Compartment = Annotated[str | None, typer.Option("--compartment", help="Its OCID, in place of the stack's.")]
Least = Annotated[int | None, typer.Option("--min-replicas", help="In place of the stack's.")]
Most = Annotated[int | None, typer.Option("--max-replicas", help="In place of the stack's.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Make the application anew if it cannot be changed. Its address changes."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
KeepStorage = Annotated[bool, typer.Option("--keep-storage", help="Leave storage, with its data.")]


def plan(
    stack: StackOption = "baseline",
    region: Region = None,
    image: Image = None,
    compartment: Compartment = None,
    min_replicas: Least = None,
    max_replicas: Most = None,
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Show what `apply` would make, change or leave, why, and what it costs to leave running. Changes nothing."""
    from experience.deploy.looking import check_names, look
    from experience.deploy.planning import planned
    from experience.deploy.stack import check_stack

    opened = _opened(home, stack, region, compartment, image, min_replicas, max_replicas)
    check_stack(opened.stack)
    found = look(opened.edge, opened.stack)
    check_names(opened.stack, found)
    _show(opened, planned(opened.stack, found), json_output)


def apply(
    stack: StackOption = "baseline",
    region: Region = None,
    image: Image = None,
    compartment: Compartment = None,
    min_replicas: Least = None,
    max_replicas: Most = None,
    replace: Replace = False,
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Make what is missing, change what differs, and wait for OCI. Run it again to continue after an interruption."""
    from experience.deploy.applying import Applying
    from experience.deploy.stack import check_stack

    opened = _opened(home, stack, region, compartment, image, min_replicas, max_replicas)
    check_stack(opened.stack)
    done: list[str] = []

    def told(line: str) -> None:
        done.append(line)
        note(line)

    Applying(opened.edge, opened.stack, opened.patience, told, replace=replace).apply()
    if json_output:
        print_json({"stack": stack, "changed": bool(done), "done": done})
        return
    say("the stack is complete" if done else "nothing to do: the stack is as the settings say")


def status(
    stack: StackOption = "baseline",
    region: Region = None,
    compartment: Compartment = None,
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Show the states of the parts, the address, and whether the application answers."""
    from dataclasses import asdict

    from experience.deploy.status import status_of

    opened = _opened(home, stack, region, compartment)
    found = status_of(opened.edge, opened.session, opened.stack)
    if json_output:
        print_json(asdict(found))
        return
    if not found.parts:
        say(_nothing(opened))
        return
    print_table(("part", "state", "detail", "OCID"), [(p.part, p.state, p.detail, p.id) for p in found.parts])
    say(f"address: {found.endpoint or 'none'}")
    say(f"health: {found.health}")


def destroy(
    stack: StackOption = "baseline",
    region: Region = None,
    compartment: Compartment = None,
    keep_storage: KeepStorage = False,
    yes: Yes = False,
    home: Home = None,
) -> None:
    """Delete what bears the stack's tags: the deployment, the application, then storage with all its data."""
    from experience.deploy.applying import Applying
    from experience.deploy.looking import look
    from experience.deploy.values import STORAGE

    opened = _opened(home, stack, region, compartment)
    ours = look(opened.edge, opened.stack).ours
    if not ours:
        say(_nothing(opened))
        return
    kept = [each for each in ours if keep_storage and each.kind is STORAGE]
    doomed = [each for each in ours if each not in kept]
    for each in kept:
        say(f"keep {each.part} {each.id}: it stays, and is charged")
    if not doomed:
        return
    for each in reversed(doomed):
        say(f"delete {each.part} {each.id}" + (", with all its data" if each.kind is STORAGE else ""))
    _confirm(yes)
    Applying(opened.edge, opened.stack, opened.patience, note).destroy(keep_storage=keep_storage)
    say("destroyed")


def _nothing(opened: Opened) -> str:
    """Return that there is nothing, and where that holds: a stack in another place goes on, and is charged."""
    stack = opened.stack
    where = f"in {stack.region}, compartment {stack.compartment_id}, of the owner {stack.settings.owner}"
    return f"there is nothing of the stack {stack.name} {where}"


def policies(
    stack: StackOption = "baseline", compartment: Compartment = None, json_output: Json = False, home: Home = None
) -> None:
    """Print the IAM statements and the rules of the dynamic group that a stack needs from an administrator."""
    from experience.deploy.policies import matching_rules, statements
    from settings.tree import standard_compartment

    settings = settings_of(home)
    own = settings.deploy[stack].compartment_id if stack in settings.deploy else ""
    rules = matching_rules(compartment or own or standard_compartment(settings) or "ocid1.compartment.oc1..example")
    if json_output:
        print_json({"dynamic_group_rules": rules, "statements": statements()})
        return
    for line in ("rules of the dynamic group `sixplane`:", *rules, "statements:", *statements()):
        say(line)


def _opened(
    home: Path | None,
    stack: str,
    region: str | None,
    compartment: str | None,
    image: str | None = None,
    least: int | None = None,
    most: int | None = None,
) -> Opened:
    from experience.deploy.opening import opened

    scaling = {"min_replicas": least, "max_replicas": most}
    scaling = {name: value for name, value in scaling.items() if value is not None}
    given: dict[str, Any] = {"image": image, "compartment_id": compartment, "scaling": scaling}
    own = {name: value for name, value in given.items() if value}
    overrides: dict[str, Any] = {"deploy": {stack: own}} if own else {}
    if region:
        overrides["oci"] = {"region": region}
    return opened(settings_of(home, **overrides), stack)


def _show(opened: Opened, plan: Plan, json_output: bool) -> None:
    from dataclasses import asdict

    if json_output:
        steps = [{"action": s.action, "part": s.part, "reason": s.reason} for s in plan.steps]
        print_json({"steps": steps, "costs": [asdict(cost) for cost in plan.costs], "notes": plan.notes})
        return
    stack = opened.stack
    say(f"stack {stack.name} ({stack.display_name}) in {stack.region}, owner {stack.settings.owner}")
    print_table(("do", "part", "because"), [(step.action, step.part, step.reason) for step in plan.steps])
    say()
    print_table(("while nobody asks", "costs", "source"), [(c.what, c.amount, c.source) for c in plan.costs])
    for line in plan.notes:
        say(f"note: {line}")
    if any(step.moves for step in plan.steps):
        say("note: the address would change: `apply` does it with `--replace` alone")
    say(f"{len(plan.changes)} to do" if plan.changes else "nothing to do")


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("this would delete all of the above", hint="add `--yes` to confirm")
    typer.confirm("Delete all of the above?", abort=True)


for command in (plan, apply, status, destroy, policies):
    app.command()(handled(command))
