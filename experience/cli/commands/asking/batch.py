"""`sixplane batch`: answers a file of questions as one job."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.amounts import JobBudget, budget_of
from experience.cli.batch_progress import BatchBoard
from experience.cli.commands.asking.research import Model
from experience.cli.live_line import live_line
from experience.cli.options import CorpusName, FormOption, Home, Json, LengthOption, Tenant
from experience.cli.output import note, print_json, say
from experience.cli.running import Drain, on_signals, run_async, settings_of
from experience.exits import Exit
from state.errors import BadInput
from state.money import dollars

if TYPE_CHECKING:
    from experience.batch import BatchSummary
    from settings import Settings
    from state.errors import BudgetExceeded

Source = Annotated[
    Path, typer.Argument(metavar="IN.jsonl", help="The questions: one JSON object with `question` per line.")
]
Out = Annotated[
    Path, typer.Option("--out", help="The file of outcomes, JSON Lines. If it exists, its job is continued.")
]
Concurrency = Annotated[int, typer.Option("--concurrency", help="How many rows run at a time.", min=1, max=256)]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What runs the rows: `local`, this process; `ray`, workers on the Ray cluster of RAY_ADDRESS, or on this "
        "machine if that is not set.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", help="How many workers `--engine ray` starts. 0: one for each CPU of the cluster.", min=0, max=256
    ),
]
Retry = Annotated[str, typer.Option("--retry", help="`failed`: ask the failed rows again.", show_default=False)]


def batch(
    source: Source,
    out: Out,
    corpus: CorpusName = "default",
    model: Model = "",
    length: LengthOption = "standard",
    form: FormOption = "answer",
    concurrency: Concurrency = 8,
    engine: EngineName = "local",
    workers: Workers = 0,
    retry: Retry = "",
    tenant: Tenant = "local",
    budget_usd: JobBudget = None,
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Answer every question in a file. The command can be killed; run it again to continue."""
    if retry not in ("", "failed"):
        raise BadInput(f"{retry!r} cannot be retried", hint="the only choice is `--retry failed`")
    context = {**_place(tenant, corpus), "length": length, "form": form, **({"model": model} if model else {})}
    given = {"source": source, "out": out, "retry_failed": bool(retry), "budget_micro_usd": budget_of(budget_usd)}
    summary, over = run_async(_batch(settings_of(home), (engine, concurrency, workers), context, given))
    if json_output:
        print_json(summary.model_dump(mode="json"))
    else:
        for line in lines_of(summary, out):
            say(line)
    _tell_ending(summary, over)
    raise typer.Exit(summary.exit_status)


def _place(tenant: str, corpus: str) -> dict[str, str]:
    from settings import checked_name

    return {"tenant": checked_name("tenant", tenant), "corpus": checked_name("corpus", corpus)}


def lines_of(summary: BatchSummary, out: Path) -> list[str]:
    """Return the summary as lines, with the first failed rows by their line in the input."""
    counts = {**summary.counts, "unfinished": summary.unfinished}
    reports = [f"reports: {_listed(summary.reports)}"] if summary.reports else []
    failures = [
        f"failed: line {row.line}{f' ({row.id})' if row.id else ''}: {row.code}: {row.message}"
        for row in summary.failures
    ]
    more = summary.counts["failed"] - len(failures)
    return [
        f"rows: {summary.rows} ({_listed(counts)})",
        *reports,
        *failures,
        *([f"failed: {more} more, in {out}"] if more > 0 else []),
        f"cost: {dollars(summary.cost_micro_usd)} USD",
        f"outcomes: {out}",
    ]


async def _batch(
    settings: Settings, running: tuple[str, int, int], context: dict[str, Any], given: dict[str, Any]
) -> tuple[BatchSummary, BudgetExceeded | None]:
    from experience.batch import BatchJob, JobOptions, open_engine
    from experience.service import open_service
    from settings.process import collect_as_usual
    from state.channels import ResearchContext

    async with open_service(settings) as service:
        collect_as_usual()
        options = JobOptions(context=ResearchContext(**context), **given)
        await service.corpora.get(
            options.context.tenant, options.context.corpus
        )  # fail at once instead of once for every row
        name, concurrency, workers = running
        job = BatchJob(service, open_engine(name, service, concurrency, workers), options)
        with on_signals(Drain(job.drain)), live_line("batch", BatchBoard(job)) as progress:
            async with aclosing(job.run()) as outcomes:
                async for outcome in outcomes:
                    progress(outcome)
        return job.summary(), job.over_budget


def _tell_ending(summary: BatchSummary, over: BudgetExceeded | None) -> None:
    if len(summary.corpora) > 1:
        note(f"reports come from more than one corpus version: {_listed(summary.corpora)}")
    if summary.counts["failed"]:
        note(f"error: {summary.counts['failed']} rows failed: {_listed(summary.failed_by_code)}")
        note(f"hint: {_remedy(summary)}")
    if summary.counts["review_pending"]:
        note("waiting for your review: `sixplane resume THREAD`, then run the same command to record the report")
    if summary.exit_status == Exit.BUDGET_EXCEEDED and summary.ending:
        note(f"error: {over.message if over else 'the budget of the tenant is spent'}; no further row was started")
        how = "with a higher `--budget-usd`" if over else "after `sixplane budget set`"
        note(f"hint: run the same command {how} to continue")
    if summary.ending == "stopped" or (summary.unfinished and not summary.ending):
        note("stopped: run the same command to continue")


def _remedy(summary: BatchSummary) -> str:
    """Return what can be done about the failed rows. Malformed ones are not asked again: they would fail again."""
    again = summary.counts["failed"] - summary.malformed
    parts = ["the outcome of each row has a hint"]
    if again:
        parts.append(f"the same command with `--retry failed` asks {again} of them again")
    if summary.malformed:
        parts.append(f"put the {summary.malformed} that cannot be read, corrected, into a new input with a new `--out`")
    return "; ".join(parts)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
