"""`sixplane search`: finds the passages of a corpus that match a query best."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.auditing import trail_of
from experience.cli.excerpts import excerpt
from experience.cli.options import CorpusName, Home, Json, Tenant
from experience.cli.output import print_json, say
from experience.cli.running import run_async, settings_of, text_argument
from state.errors import QuestionInvalid

if TYPE_CHECKING:
    from policy import FoundPassage, SafePassages

OTHERS = 5  # places of the same words that a hit names; `--json` has all


class Mode(StrEnum):
    """Search modes."""

    HYBRID = "hybrid"
    DENSE = "dense"
    KEYWORD = "keyword"


K = Annotated[
    int | None,
    typer.Option(
        "-k", help="The number of passages; default: the setting `retrieval.hits`.", min=1, max=1000, show_default=False
    ),
]


def search(
    query: Annotated[str, typer.Argument(help="The query; `-` reads it from standard input.")],
    corpus: CorpusName = "default",
    k: K = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="Search by keywords, by meaning (dense), or by both (hybrid).")
    ] = Mode.HYBRID,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Search a corpus. What a guard of evidence refuses is left out and counted, what one flags is marked."""
    query = text_argument(query).strip()
    if not query:
        raise QuestionInvalid("the query is empty", hint="give some words to search for")
    found = run_async(_search(query, corpus, k, mode, tenant, home))
    if json_output:
        print_json(found.model_dump(mode="json"))
        return
    for number, passage in enumerate(found.passages, 1):
        _print_passage(number, passage, query)
    for category, count in found.left_out.items():
        say(f"{count} left out: {category}")


async def _search(query: str, name: str, k: int | None, mode: Mode, tenant: str, home: Path | None) -> SafePassages:
    from experience.audited import screened_reads
    from experience.corpora import open_search
    from observability.audit import operator
    from settings import checked_name

    checked_name("corpus", name)
    settings = settings_of(home)
    async with open_search(settings, tenant) as (corpora, guards), trail_of(settings) as trail:
        corpus = await corpora.get(checked_name("tenant", tenant), name)
        found = await corpus.search(query, k, mode.value)
        return await screened_reads(guards, trail, operator(tenant), "search", f"corpus:{name}", found)


def _print_passage(number: int, passage: FoundPassage, query: str) -> None:
    from experience.render.places import place_of, shown_source

    scores = passage.scores.model_dump(exclude_none=True)
    shown = " ".join(f"{name}={score:.3f}" for name, score in scores.items())
    say(f"{number}. {passage.title or shown_source(passage.source)} ({place_of(passage)}) {shown}")
    say(f"   {passage.evidence_id}{f' (flagged: {passage.flagged})' if passage.flagged else ''}")
    if passage.also_in:
        others = ", ".join(shown_source(each.source) for each in passage.also_in[:OTHERS])
        more = len(passage.also_in) - OTHERS
        say(f"   also in {others}{f' and {more} more' if more > 0 else ''}")
    for line in excerpt(passage.text, query):
        say(f"   {line}")
