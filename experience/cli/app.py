"""The commands and their order in `sixplane --help`. Nothing here, nor in the modules it imports, loads the planes."""

from __future__ import annotations

import typer

from experience.cli.batch import batch
from experience.cli.budget import app as budget
from experience.cli.corpus import app as corpus
from experience.cli.cost import cost
from experience.cli.db import app as db
from experience.cli.doctor import doctor
from experience.cli.errors import handled
from experience.cli.guard import guard
from experience.cli.ingest import ingest
from experience.cli.keys import app as keys
from experience.cli.mcp import mcp
from experience.cli.models import models
from experience.cli.research import research
from experience.cli.resume import resume
from experience.cli.search import search
from experience.cli.serve import serve
from experience.cli.threads import show, threads
from experience.cli.verify import verify

app = typer.Typer(
    name="sixplane",
    help="Ask a question of your own documents; every claim of the report points at the span that supports it.",
    epilog="Exit status: 0 done, 1 our bug, 2 bad input, 3 refused by policy, 4 budget exceeded, "
    "5 a dependency is unavailable, 6 stopped and resumable, or waiting for a person.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (
    ingest,
    search,
    research,
    resume,
    threads,
    show,
    batch,
    serve,
    mcp,
    guard,
    verify,
    models,
    cost,
    doctor,
):
    app.command()(handled(command))
app.add_typer(corpus, name="corpus")
app.add_typer(budget, name="budget")
app.add_typer(keys, name="keys")
app.add_typer(db, name="db")
