"""`sixplane verify`: checks a report against its corpus."""

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

ReportFile = Annotated[Path, typer.Argument(metavar="REPORT.json", help="A report from `--json` or `--out`.")]


def verify(report: ReportFile, tenant: Tenant = "local", json_output: Json = False, home: Home = None) -> None:
    """Check a report against its corpus. The exit status is 2 if it has faults, 5 if it cites pruned passages."""
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
            "hint: cited passages were pruned or belong to another corpus; ask again for a report with current evidence"
        )
    # Pruned passages are not a fault of the report, so they get another exit status.
    if result.outcome != "verified":
        raise typer.Exit(Exit.UNAVAILABLE if result.outcome == "pruned" else Exit.BAD_INPUT)


def read_report(path: Path) -> Report:
    """Return the report in a file. Raises `BadInput` if the file contains none."""
    from pydantic import ValidationError

    from state.report import Report

    hint = "give a JSON file from `sixplane research --json` or `--out`"
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
