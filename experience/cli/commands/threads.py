"""`sixplane threads` and `sixplane show`: list threads and show one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.errors import handled
from experience.cli.following import print_report
from experience.cli.options import Home, Json, Tenant, ThreadName
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.service.models import ThreadView
    from experience.service.threads import ThreadRecord
    from settings import Settings

QUESTION_CHARS = 80

Yes = Annotated[bool, typer.Option("--yes", help="Really delete it.")]


app = typer.Typer(help="List the threads, or delete one.", invoke_without_command=True)


def threads(ctx: typer.Context, tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """List the threads, latest first."""
    if ctx.invoked_subcommand is not None:
        return
    from settings import checked_name

    records = run_async(_threads(settings_of(home), checked_name("tenant", tenant)))
    if json_output:
        print_json([record.model_dump(mode="json") for record in records])
        return
    if not records:
        note("no threads yet: `sixplane research QUESTION` starts one")
    rows = [(each.thread_id, each.status, each.updated_at[:19], each.question[:QUESTION_CHARS]) for each in records]
    print_table(("thread", "status", "updated", "question"), rows)


def show(thread: ThreadName, tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """Show a thread's report, or its status and next steps if it has none."""
    from settings import checked_name

    settings = settings_of(home)
    view = run_async(_show(settings, checked_name("tenant", tenant), checked_name("thread", thread)))
    if json_output:
        print_json(view.model_dump(mode="json"))
        return
    for past in view.history:
        say(f"earlier: {past.question} ({past.status.value})")
    if view.report is None:
        say(f"question: {view.record.question}")
        say(f"status: {view.record.status}")
        say(f"next: {', '.join(view.next) or 'nothing'}")
        return
    print_report(view.report, settings.home)


def delete(thread: ThreadName, yes: Yes = False, tenant: Tenant = "local", home: Home = None) -> None:
    """Delete a thread, its checkpoints, and everything that later runs could recall of its reports."""
    from settings import checked_name

    if not yes:
        raise BadInput(f"this would delete the thread {thread!r} for good", hint="add `--yes` to confirm")
    run_async(_delete(settings_of(home), checked_name("tenant", tenant), checked_name("thread", thread)))
    say(f"deleted: {thread}")


app.callback()(handled(threads))
app.command("delete")(handled(delete))


async def _delete(settings: Settings, tenant: str, thread: str) -> None:
    from experience.service import open_service
    from observability.audit import AuditEvent, AuditKind, named, operator

    async with open_service(settings) as service:
        await service.show(tenant, thread)  # a thread that does not exist is no deletion to record
        event = AuditEvent(
            kind=AuditKind.DELETE, operation="delete", actor=operator(tenant), object=named("thread", thread)
        )
        async with service.audit.trail.change(event):
            await service.delete(tenant, thread)


async def _threads(settings: Settings, tenant: str) -> list[ThreadRecord]:
    from experience.service import open_service

    async with open_service(settings) as service:
        return await service.threads(tenant)


async def _show(settings: Settings, tenant: str, thread: str) -> ThreadView:
    from experience.service import open_service
    from observability.audit import named, operator

    async with open_service(settings) as service:
        view = await service.show(tenant, thread)
        await service.audit.report(operator(tenant), "show", named("thread", thread), view.report)
        return view
