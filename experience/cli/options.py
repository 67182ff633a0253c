"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experience.cli.completion import complete_corpus, complete_thread
from state.styles import Form, Length

LengthOption = Annotated[Length, typer.Option("--length", help="How long the answer is.")]
FormOption = Annotated[
    Form,
    typer.Option(
        "--form",
        help="The form of the answer: prose, a report in sections, a table, or steps. The extractive model, which "
        "quotes its sources, ignores it.",
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home", help="The folder with corpora, threads and traces.", show_default="SIXPLANE_HOME or .sixplane"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")]
CorpusName = Annotated[str, typer.Option("--corpus", "-c", help="The corpus.", autocompletion=complete_corpus)]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant that owns the corpora and threads.")]
ThreadName = Annotated[
    str,
    typer.Argument(metavar="THREAD", help="A thread; `sixplane threads` lists them.", autocompletion=complete_thread),
]
OutFolder = Annotated[
    Path | None, typer.Option("--out", help="Folder for report.md, report.json and report.html.", file_okay=False)
]
