"""`sixplane sources`: lists and tries managed sources, and deletes what is kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.auditing import event_of, recorded, trail_of
from experience.cli.errors import handled
from experience.cli.excerpts import excerpt
from experience.cli.options import Home, Json, Tenant
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import run_async, settings_of, text_argument
from state.errors import BadInput, QuestionInvalid

if TYPE_CHECKING:
    from policy import SafePassages
    from settings import Settings

Name = Annotated[str, typer.Argument(metavar="NAME", help="The source, by its name in the settings.")]
Asked = Annotated[str, typer.Argument(metavar="QUESTION", help="The question; `-` reads it from standard input.")]
Of = Annotated[str, typer.Option("--corpus", metavar="NAME", help="The corpus, if the source is no longer declared.")]
Yes = Annotated[bool, typer.Option("--yes", help="Really do it.")]

_DECLARE = 'declare it in `sixplane.toml`: `[sources.NAME]`, `corpus = "…"`, and `agent` or `vector_store`'

app = typer.Typer(help="List and try managed sources, and delete what is kept of them.", no_args_is_help=True)


def list_sources(json_output: Json = False, home: Home = None) -> None:
    """List the declared sources, and how many of their passages are kept."""
    rows = run_async(_listed(settings_of(home)))
    if json_output:
        print_json(rows)
        return
    if not rows:
        note(f"no sources yet: {_DECLARE}")
    shown = [
        (*list(row.values())[:4], ", ".join(row["audience"]) or "everybody", *list(row.values())[5:]) for row in rows
    ]
    print_table(("source", "kind", "tenant", "corpus", "audience", "asked", "kept"), shown)


def ask(name: Name, question: Asked, json_output: Json = False, home: Home = None) -> None:
    """Ask one source, and show what it returns and the guards let pass. Nothing is kept."""
    question = text_argument(question).strip()
    if not question:
        raise QuestionInvalid("the question is empty", hint="give some words to ask")
    found = run_async(_asked(settings_of(home), name, question))
    if json_output:
        print_json(found.model_dump(mode="json"))
        return
    for number, passage in enumerate(found.passages, 1):
        say(
            f"{number}. {passage.title} ({passage.source}){f' (flagged: {passage.flagged})' if passage.flagged else ''}"
        )
        for line in excerpt(passage.text, question):
            say(f"   {line}")
    for category, count in found.left_out.items():
        say(f"{count} left out: {category}")
    if not found.passages and not found.left_out:
        note("it returned nothing that can be cited")


def forget(name: Name, corpus: Of = "", yes: Yes = False, tenant: Tenant = "local", home: Home = None) -> None:
    """Delete what is kept of a source. Reports that cite it verify as pruned."""
    settings = settings_of(home)
    declared = settings.sources.get(name)
    if declared is None and not corpus:
        raise _unknown(settings, name, "give `--corpus` to delete what is kept of a source that is no longer declared")
    place = (declared.tenant, declared.corpus) if declared is not None else (tenant, corpus)
    if not yes:
        raise BadInput(f"this would delete what is kept of the source {name!r}", hint="add `--yes` to confirm")
    say(f"deleted: {run_async(_forgotten(settings, *place, name))} passages")


app.command("list")(handled(list_sources))
app.command("ask")(handled(ask))
app.command("forget")(handled(forget))


async def _listed(settings: Settings) -> list[dict[str, Any]]:
    from retrieval import Corpora

    async with Corpora(settings) as corpora:
        return [
            {
                "source": name,
                "kind": each.kind,
                "tenant": each.tenant,
                "corpus": each.corpus,
                "audience": list(each.audience),
                "asked": each.target,
                "kept": await corpora.kept.count(each.tenant, each.corpus, name),
            }
            for name, each in settings.sources.items()
        ]


async def _asked(settings: Settings, name: str, question: str) -> SafePassages:
    from experience.audited import screened_reads
    from experience.corpora import open_sources
    from observability.audit import operator

    declared = settings.sources.get(name)
    if declared is None:
        raise _unknown(settings, name, _DECLARE)
    async with open_sources(settings, declared.tenant) as (sources, guards), trail_of(settings) as trail:
        found = await sources.found(name, question)
        place = (operator(declared.tenant), "ask_source", f"corpus:{declared.corpus}")
        return await screened_reads(guards, trail, *place, found)


async def _forgotten(settings: Settings, tenant: str, corpus: str, name: str) -> int:
    from retrieval import Corpora

    async with (
        Corpora(settings) as corpora,
        recorded(settings, event_of("delete", "forget_source", tenant, f"corpus:{corpus}")) as noted,
    ):
        noted.counts["passages"] = gone = await corpora.kept.forget(tenant, corpus, name)
        return gone


def _unknown(settings: Settings, name: str, hint: str) -> BadInput:
    known = ", ".join(f"`{each}`" for each in settings.sources)
    return BadInput(f"there is no source {name!r}; {f'there is {known}' if known else 'none is declared'}", hint=hint)
