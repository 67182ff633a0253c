"""`sixplane corpus`: lists, shows, prunes and copies corpora."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.auditing import event_of, recorded, trail_of
from experience.cli.commands.documents.copying import copy
from experience.cli.completion import complete_corpus
from experience.cli.errors import handled
from experience.cli.options import Home, Json, Tenant
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from retrieval import Manifest, Removal

Name = Annotated[str, typer.Argument(metavar="NAME", help="The corpus.", autocompletion=complete_corpus)]

Documents = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DOCUMENT]...",
        help="Ids of documents, or folders for all in them, as `corpus show` lists them. Without any: all documents.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Really do it.")]

app = typer.Typer(help="List, show, prune, copy and delete corpora, and remove documents.", no_args_is_help=True)


def list_corpora(tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """List the corpora."""
    from settings import checked_name

    manifests = run_async(_manifests(checked_name("tenant", tenant), home))
    if json_output:
        print_json([manifest.model_dump(mode="json", exclude={"entries"}) for manifest in manifests])
        return
    if not manifests:
        note("no corpora yet: `sixplane ingest PATH --corpus NAME` creates one")
    rows = [(each.name, each.version, each.documents, each.passages, each.embedding_model) for each in manifests]
    print_table(("corpus", "version", "documents", "passages", "embeddings"), rows)


def show(name: Name, tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """Show the documents of a corpus."""
    manifest = run_async(_manifest(*_names(tenant, name), home))
    if json_output:
        print_json(manifest.model_dump(mode="json"))
        return
    say(f"corpus: {manifest.name} (version {manifest.version}, {manifest.embedding_model})")
    say(f"documents: {manifest.documents}; passages: {manifest.passages}")
    rows = [
        (
            each.source,
            each.title,
            each.pages or "",
            each.passages,
            (", ".join(each.audience) or "nobody") if each.audience else "everybody",
            "superseded" if each.superseded else "current",
        )
        for each in manifest.entries
    ]
    print_table(("source", "title", "pages", "passages", "audience", "state"), rows)


def prune(name: Name, tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """Remove superseded passages. Reports that cite them can no longer be verified."""
    removed = run_async(_prune(*_names(tenant, name), home))
    if json_output:
        print_json({"corpus": name, "removed": removed})
        return
    say(f"removed: {removed} superseded passages")


def remove(
    name: Name,
    documents: Documents = None,
    yes: Yes = False,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Take documents out of search. Reports that cite them still verify until `corpus prune`."""
    what = f"{', '.join(documents)} and all documents in them" if documents else f"all documents of {name!r}"
    _confirmed(yes, f"this would take {what} out of search")
    removal = run_async(_remove(*_names(tenant, name), documents, home))
    if json_output:
        print_json({"corpus": name, **removal.model_dump(mode="json")})
        return
    say(f"removed: {removal.documents} documents with {removal.passages} passages")


def delete(name: Name, yes: Yes = False, tenant: Tenant = "local", home: Home = None) -> None:
    """Delete a corpus for good, with all its documents. Reports that cite it verify as pruned."""
    from settings import MEMORY_CORPUS

    _confirmed(yes, f"this would delete the corpus {name!r} for good")
    if name == MEMORY_CORPUS:
        raise BadInput(f"{name!r} holds reports for later runs", hint="delete their threads: `sixplane threads delete`")
    run_async(_delete(*_names(tenant, name), home))
    say(f"deleted: {name}")


app.command("list")(handled(list_corpora))
app.command("show")(handled(show))
app.command("prune")(handled(prune))
app.command("remove")(handled(remove))
app.command("delete")(handled(delete))
app.command("copy")(handled(copy))


async def _manifests(tenant: str, home: Path | None) -> list[Manifest]:
    from retrieval import Corpora

    async with Corpora(settings_of(home)) as corpora:
        return [await (await corpora.get(tenant, name)).manifest() for name in await corpora.names(tenant)]


async def _manifest(tenant: str, name: str, home: Path | None) -> Manifest:
    from experience.audited import record_listing
    from observability.audit import operator
    from retrieval import Corpora

    settings = settings_of(home)
    async with Corpora(settings) as corpora, trail_of(settings) as trail:
        manifest = await (await corpora.get(tenant, name)).manifest()
        await record_listing(trail, operator(tenant), f"corpus:{name}", manifest)
        return manifest


async def _prune(tenant: str, name: str, home: Path | None) -> int:
    from retrieval import Corpora

    settings = settings_of(home)
    async with Corpora(settings) as corpora:
        corpus = await corpora.get(tenant, name)
        async with recorded(settings, event_of("delete", "prune", tenant, f"corpus:{name}")) as noted:
            noted.counts["passages"] = removed = await corpus.prune()
            return removed


async def _remove(tenant: str, name: str, documents: list[str] | None, home: Path | None) -> Removal:
    from experience.audited import record_removal
    from retrieval import Corpora

    settings = settings_of(home)
    async with Corpora(settings) as corpora:
        corpus = await corpora.get(tenant, name)
        async with recorded(settings, event_of("delete", "remove", tenant, f"corpus:{name}")) as noted:
            removal = await corpus.remove(documents)
            record_removal(noted, removal)
            return removal


async def _delete(tenant: str, name: str, home: Path | None) -> None:
    from retrieval import Corpora

    settings = settings_of(home)
    async with Corpora(settings) as corpora:
        await corpora.get(tenant, name)  # a corpus that does not exist is no deletion to record
        async with recorded(settings, event_of("delete", "delete_corpus", tenant, f"corpus:{name}")):
            await corpora.delete(tenant, name)


def _confirmed(yes: bool, what: str) -> None:
    if not yes:
        raise BadInput(what, hint="add `--yes` to confirm")


def _names(tenant: str, name: str) -> tuple[str, str]:
    from settings import checked_name

    return checked_name("tenant", tenant), checked_name("corpus", name)
