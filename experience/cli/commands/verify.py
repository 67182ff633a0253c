"""`sixplane verify`: does a report hold against its corpus?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.options import Home, Json, Tenant
from experience.cli.output import note, print_json, say
from experience.cli.running import run_async, settings_of
from experience.exits import Exit
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.verification import VerificationResult
    from settings import Settings
    from state.report import Report

ReportFile = Annotated[Path, typer.Argument(metavar="REPORT.json", help="A report, as `--json` or `--out` gave it.")]


def verify(report: ReportFile, tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """Check a report against its corpus. Exit status 2 if it does not hold, 5 if it cites what was pruned."""
    from settings import checked_name

    result = run_async(_verify(read_report(report), settings_of(home), checked_name("tenant", tenant)))
    if json_output:
        print_json(result.model_dump(mode="json"))
    else:
        for fault in result.faults:
            say(f"{fault.kind}: {fault.claim_id or fault.evidence_id or 'report'}: {fault.detail}")
        say(f"outcome: {result.outcome}")
        say(f"checked: {result.claims} claims, {result.citations} citations, {result.evidence} passages")
    if result.outcome == "pruned":
        note(
            "hint: passages that the report cites were pruned, or are of another corpus; ask again to have new evidence"
        )
    if result.outcome != "verified":
        raise typer.Exit(Exit.UNAVAILABLE if result.outcome == "pruned" else Exit.BAD_INPUT)


def read_report(path: Path) -> Report:
    """Return the report in a file. Raises `BadInput` if there is none."""
    from pydantic import ValidationError

    from state.report import Report

    hint = "give the JSON that `sixplane research --json` printed or `--out` wrote"
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{str(path)!r} cannot be read: {error.strerror}", hint=hint) from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{str(path)!r} is not a report: {where}: {first['msg']}".replace(": : ", ": "), hint=hint
        ) from error


async def _verify(report: Report, settings: Settings, tenant: str) -> VerificationResult:
    from experience.verification import verify_report
    from retrieval import Corpora
    from settings import checked_name

    if report.corpus is None:
        return await verify_report(report, None)
    async with Corpora(settings) as corpora:
        return await verify_report(report, await corpora.get(tenant, checked_name("corpus", report.corpus.name)))
