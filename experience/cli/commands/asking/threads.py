"""`sixplane threads` and `sixplane show`: list threads and show one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.errors import handled
from experience.cli.following import print_report, tell_review
from experience.cli.options import Home, Json, Tenant, ThreadName
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput, RunMissing

if TYPE_CHECKING:
    from experience.service.models import RunView, ThreadView
    from experience.service.threads import ThreadSummary
    from settings import Settings

LISTED = 50
"""Threads that are listed if the caller names no number. A chosen value: they fit a screen or two."""

Limit = Annotated[int, typer.Option("--limit", min=1, help="How many threads to list.")]
Search = Annotated[str, typer.Option("--search", help="Only threads whose questions contain these words.")]
RunOption = Annotated[
    str | None, typer.Option("--run", help="A run of the thread, to show its report instead of the latest.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Really delete it.")]


app = typer.Typer(help="List the threads, or delete one.", invoke_without_command=True)


def threads(
    ctx: typer.Context,
    search: Search = "",
    limit: Limit = LISTED,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """List the threads, latest first."""
    if ctx.invoked_subcommand is not None:
        return
    from settings import checked_name

    found, more = run_async(_threads(settings_of(home), checked_name("tenant", tenant), search, limit))
    if json_output:
        print_json([each.model_dump(mode="json") for each in found])
        return
    if not found:
        note("no thread has these words" if search else "no threads yet: `sixplane research QUESTION` starts one")
    rows = [(each.thread_id, each.status, each.updated[:19], each.title) for each in found]
    print_table(("thread", "status", "updated", "title"), rows, cut="title")
    if more:
        note(f"there are more threads: list them with `--limit {limit * 10}`, or find one with `--search WORDS`")


def show(
    thread: ThreadName,
    run: RunOption = None,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Show a thread's report, or its status and next steps if it has none."""
    from settings import checked_name

    settings = settings_of(home)
    named = checked_name("tenant", tenant), checked_name("thread", thread)
    if run is not None:
        _print_run(run_async(_show_run(settings, *named, run)), settings, json_output=json_output)
        return
    view = run_async(_show(settings, *named))
    if json_output:
        print_json(view.model_dump(mode="json"))
        return
    for past in reversed(view.runs[1:]):
        say(f"earlier: {past.question} ({past.status}, {past.updated[:19]}, --run {past.run_id})")
    if view.report is None:
        say(f"question: {view.record.question}")
        say(f"status: {view.record.status}")
        say(f"next: {', '.join(view.next) or 'nothing'}")
        if view.pending is not None:
            say(f"review: {view.pending['review_id']}")
            say(f"draft: {view.pending['draft']}")
            tell_review(view.record.thread_id, view.pending)
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


async def _threads(settings: Settings, tenant: str, search: str, limit: int) -> tuple[list[ThreadSummary], bool]:
    """Return the latest `limit` threads that `search` finds, and whether there are more."""
    from experience.service import open_service
    from experience.service.threads import MAX_PAGE, PageWanted

    found: list[ThreadSummary] = []
    async with open_service(settings) as service:
        page = await service.threads(tenant, PageWanted(None, search, min(limit, MAX_PAGE)))
        found += page.threads
        while page.next and len(found) < limit:
            page = await service.threads(tenant, PageWanted(None, search, min(limit - len(found), MAX_PAGE), page.next))
            found += page.threads
    return found, page.next is not None


async def _show(settings: Settings, tenant: str, thread: str) -> ThreadView:
    from experience.service import open_service
    from observability.audit import named, operator

    async with open_service(settings) as service:
        view = await service.show(tenant, thread)
        await service.audit.report(operator(tenant), "show", named("thread", thread), view.report)
        return view


async def _show_run(settings: Settings, tenant: str, thread: str, run: str) -> RunView:
    from experience.service import open_service
    from observability.audit import named, operator

    async with open_service(settings) as service:
        view = await service.show_run(tenant, run)
        if view is None or view.thread.thread_id != thread:
            raise RunMissing(
                f"the thread {thread!r} has no run {run!r}", hint=f"`sixplane show {thread}` lists its runs"
            )
        await service.audit.report(operator(tenant), "show", named("run", run), view.report)
        return view


def _print_run(view: RunView, settings: Settings, *, json_output: bool) -> None:
    if json_output:
        print_json(view.model_dump(mode="json"))
    elif view.report is None:
        say(f"question: {view.run.question}")
        say(f"status: {view.run.status}")
    else:
        print_report(view.report, settings.home)
