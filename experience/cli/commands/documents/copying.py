"""`sixplane corpus copy`: copies a corpus from one backend to another."""

from __future__ import annotations

from contextlib import AsyncExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.auditing import event_of, recorded
from experience.cli.ingest_progress import tell_due_index
from experience.cli.options import Home, Json, Tenant
from experience.cli.output import note, print_json, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from retrieval import CopyReport
    from settings import Settings


class Backend(StrEnum):
    """Where a corpus lives."""

    EMBEDDED = "embedded"
    ORACLE = "oracle"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The corpus.")]
Source = Annotated[Backend, typer.Option("--from", help="The backend to copy from.")]
Target = Annotated[Backend, typer.Option("--to", help="The backend to copy to.")]
NewName = Annotated[str, typer.Option("--as", help="A new name; it changes the evidence ids.", show_default="NAME")]


def copy(
    name: Name,
    source: Source,
    target: Target,
    new_name: NewName = "",
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Copy a corpus with its vectors and old versions, then compare both. Run it again to continue after a failure."""
    from settings import checked_name

    checked_name("tenant", tenant)
    checked_name("corpus", name)
    arrives = checked_name("corpus", new_name or name)
    if (source, name) == (target, arrives):
        raise BadInput(f"`{name}` would be copied onto itself", hint="give another `--to`, or a new name with `--as`")
    report = run_async(_copy(settings_of(home), tenant, (source, name), (target, arrives)))
    if json_output:
        print_json({"corpus": arrives, **report.model_dump(mode="json")})
        return
    say(f"corpus: {arrives} in {target.value}, {report.embedding_model}")
    say(f"document versions: {report.copied} copied, {report.unchanged} already there; passages: {report.passages}")
    say(f"both sides are the same: sha256 {report.digest}")


async def _copy(settings: Settings, tenant: str, source: tuple[str, str], target: tuple[str, str]) -> CopyReport:
    from experience.corpora import open_corpora

    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_corpora(_with(settings, source[0]), tenant, "copy"))
        corpus = await first.get(tenant, source[1])
        second = await stack.enter_async_context(open_corpora(_with(settings, target[0]), tenant, "copy"))
        event = event_of("export", "copy", tenant, f"corpus:{source[1]}")
        async with recorded(settings, event.model_copy(update={"ids": (f"{target[0]}:{target[1]}",)})) as noted:
            arriving = await second.create(tenant, target[1])
            report = await corpus.copy_into(
                arriving, progress=lambda report: note(f"{report.copied} document versions")
            )
            noted.counts.update(copied=report.copied, passages=report.passages)
    await tell_due_index(_with(settings, target[0]))
    return report


def _with(settings: Settings, backend: str) -> Settings:
    return settings.model_copy(update={"data": settings.data.model_copy(update={"backend": backend})})
