"""`sixplane evaluate`: asks a file of questions with known answers, and measures what came back."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experience.cli.commands.asking.research import Model
from experience.cli.evaluation_progress import EvaluationBoard
from experience.cli.live_line import live_line
from experience.cli.options import CorpusName, Home, Json, LengthOption, Tenant
from experience.cli.output import note, print_json, print_table, say
from experience.cli.running import Drain, on_signals, run_async, settings_of
from experience.exits import Exit
from state.money import dollars

if TYPE_CHECKING:
    from experience.evaluation import Estimate, Evaluation, Group, Question, Reliability
    from settings import Settings

Source = Annotated[
    Path,
    typer.Argument(
        metavar="QUESTIONS.jsonl",
        help="The questions: one JSON object per line, with `question`, and `answers`, `gold`, `answerable`, `group` "
        "and `_id` if you like.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for outcomes.jsonl, evaluation.json and evaluation.svg. What it holds already is not asked again.",
        file_okay=False,
        show_default="evaluation/CORPUS in the home folder",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", help="Ask only the first N questions.", metavar="N", min=1)]
Concurrency = Annotated[int, typer.Option("--concurrency", help="How many questions run at a time.", min=1, max=256)]
Against = Annotated[
    Path | None,
    typer.Option("--against", help="The folder of an earlier evaluation: show the differences to it.", exists=True),
]


def evaluate(
    source: Source,
    corpus: CorpusName = "default",
    out: Out = None,
    limit: Limit = None,
    model: Model = "",
    length: LengthOption = "standard",
    concurrency: Concurrency = 1,
    against: Against = None,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Measure search, answers and abstentions with questions of your own. It can be killed; run it again to go on."""
    from experience.evaluation import read_questions, read_result
    from settings import checked_name

    questions = read_questions(source, limit)
    earlier = read_result(against) if against else None
    settings = settings_of(home)
    checked_name("corpus", corpus)
    context = {
        "tenant": checked_name("tenant", tenant),
        "corpus": corpus,
        "length": length,
        **({"model": model} if model else {}),
    }
    folder = out or settings.home / "evaluation" / corpus
    result, stopped = run_async(_evaluate(settings, questions, context, folder, concurrency))
    if json_output:
        print_json(result.model_dump(mode="json"))
    else:
        _show(result, folder)
        if earlier is not None:
            _show_differences(result.against(earlier))
    raise typer.Exit(_ending(result, stopped))


async def _evaluate(
    settings: Settings, questions: tuple[Question, ...], context: dict[str, Any], folder: Path, concurrency: int
) -> tuple[Evaluation, bool]:
    from experience.evaluation import EvaluationRun
    from experience.service import open_service
    from settings.process import collect_as_usual
    from state.channels import ResearchContext

    async with open_service(settings) as service:
        collect_as_usual()
        run = EvaluationRun(service, questions, ResearchContext(**context), folder, concurrency)
        board = EvaluationBoard(run.interview)
        with on_signals(Drain(run.interview.drain)), live_line("evaluate", board) as progress:
            async with aclosing(run.ask()) as outcomes:
                async for outcome in outcomes:
                    progress(outcome)
        return await run.finish(), run.interview.stopped


def _show(result: Evaluation, folder: Path) -> None:
    from experience.evaluation import MEASURES

    titles = {measure.key: measure.title for measure in MEASURES}
    first, *more = result.groups
    if more:
        columns = ("figure", *(f"{group.name} ({group.questions})" for group in result.groups))
        rows = [
            (titles[key], *(_cell(key, group.figures.get(key)) for group in result.groups)) for key in first.figures
        ]
        print_table(columns, rows)
    else:
        figures = [(titles[key], *_cells(key, figure)) for key, figure in first.figures.items()]
        print_table(("figure", "value", "95 % interval", "questions"), figures)
    if result.reliability is not None:
        _show_reliability(result.reliability)
    say(_seconds(result.groups[0]))
    say(f"questions: {result.asked} of {result.questions} asked; cost: {dollars(result.cost_micro_usd)} USD")
    say(f"files: {folder}")


def _show_reliability(found: Reliability) -> None:
    say("probabilities of the reports with claims, and the share of these that hold the answer:")
    columns = ("probability", "mean", "right", "95 % interval", "reports")
    print_table(
        columns,
        [
            (f"{each.low:.1f} to {each.high:.1f}", f"{each.probability:.2f}", *_cells("", each.right))
            for each in found.bins
        ],
    )
    say(f"expected calibration error: {found.error:.3f}; Brier score: {found.brier:.3f}")


def _show_differences(found: dict[str, Estimate]) -> None:
    from experience.evaluation import MEASURES

    titles = {measure.key: measure.title for measure in MEASURES}
    say("differences to the earlier evaluation, over the questions that both have:")
    columns = ("figure", "difference", "95 % interval", "questions")
    print_table(columns, [(titles[key], *_cells(key, figure, sign="+")) for key, figure in found.items()])


def _cells(key: str, figure: Estimate, sign: str = "") -> tuple[str, str, int]:
    from experience.evaluation.measures import TITLES

    values = figure.value, figure.low, figure.high
    if key in TITLES and TITLES[key].unit == "micro_usd":
        shown = [f"{sign if each >= 0 else ''}{dollars(round(each))}" for each in values]
    else:
        digits = 3 if max(map(abs, values)) < 10 else 1
        shown = [f"{each:{sign}.{digits}f}" for each in values]
    return shown[0], f"{shown[1]} to {shown[2]}", figure.count


def _cell(key: str, figure: Estimate | None) -> str:
    if figure is None:
        return ""
    value, interval, _ = _cells(key, figure)
    return f"{value} ({interval})"


def _seconds(group: Group) -> str:
    if group.seconds_p50 is None or group.seconds_p95 is None:
        return "seconds: no question has an outcome"
    return f"seconds: median {group.seconds_p50:.2f}, 95th percentile {group.seconds_p95:.2f}"


def _ending(result: Evaluation, stopped: bool) -> int:
    if result.failed:
        told = ", ".join(f"{count} {code}" for code, count in result.failed.items())
        note(f"error: {sum(result.failed.values())} questions failed: {told}")
        note("hint: outcomes.jsonl says why; the same command asks them again")
    if stopped or result.asked < result.questions:
        note("stopped: run the same command to continue")
        return Exit.STOPPED
    if result.failed:
        from experience.exits import status_of_code

        return status_of_code(max(result.failed, key=lambda code: result.failed[code]))
    return Exit.DONE
