"""The commands and their order in `sixplane --help`.

Neither this module nor the modules that it imports may import the planes: `tests/experience/cli/test_cli_startup.py`
checks it.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from experience.cli.commands.asking.batch import batch
from experience.cli.commands.asking.evaluate import evaluate
from experience.cli.commands.asking.export import export
from experience.cli.commands.asking.research import research
from experience.cli.commands.asking.resume import resume
from experience.cli.commands.asking.threads import app as threads
from experience.cli.commands.asking.threads import show
from experience.cli.commands.asking.verify import verify
from experience.cli.commands.documents.corpus import app as corpus
from experience.cli.commands.documents.ingest import ingest
from experience.cli.commands.documents.search import search
from experience.cli.commands.documents.sources import app as sources
from experience.cli.commands.models import cost, models
from experience.cli.commands.operating.audit import app as audit
from experience.cli.commands.operating.backup import backup
from experience.cli.commands.operating.budget import app as budget
from experience.cli.commands.operating.db import app as db
from experience.cli.commands.operating.deploy import app as deploy
from experience.cli.commands.operating.doctor import doctor
from experience.cli.commands.operating.init import init
from experience.cli.commands.operating.keys import app as keys
from experience.cli.commands.operating.mcp import mcp
from experience.cli.commands.operating.policy import app as policy
from experience.cli.commands.operating.policy import guard
from experience.cli.commands.operating.prune import prune
from experience.cli.commands.operating.serve import serve
from experience.cli.errors import handled
from experience.cli.output import say


class PlainErrors(TyperGroup):
    """The group of all commands. Errors of options come without the words that pydantic puts before them."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:  # typer 0.29 passes on the message of pydantic, which parses options
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    name="sixplane",
    cls=PlainErrors,
    help="Ask questions about your own documents. Every claim in a report cites the passage that supports it.",
    epilog="Exit status: 0 done, 1 a bug in Sixplane, 2 bad input, 3 refused by policy, 4 budget exceeded, "
    "5 a dependency is unavailable, 6 stopped and resumable, or waiting for a person.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"sixplane {version('sixplane')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the command line as a whole."""


for command in (
    init,
    ingest,
    search,
    research,
    resume,
    show,
    export,
    batch,
    evaluate,
    serve,
    mcp,
    guard,
    verify,
    models,
    cost,
    doctor,
    prune,
    backup,
):
    app.command()(handled(command))
app.add_typer(threads, name="threads")
app.add_typer(corpus, name="corpus")
app.add_typer(sources, name="sources")
app.add_typer(budget, name="budget")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(policy, name="policy")
app.add_typer(db, name="db")
app.add_typer(deploy, name="deploy")
