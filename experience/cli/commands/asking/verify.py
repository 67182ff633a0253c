"""`sixplane verify`: checks a report against its corpus, or an evidence bundle by itself."""

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

ReportFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A report from `--json` or `--out`, or a bundle from `sixplane export`.")
]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        "--public-key",
        help="The bundle must be signed with this key of its sender (PEM).",
        show_default=False,
        dir_okay=False,
    ),
]
_ZIP = b"PK"
_HINT = "give a JSON file from `sixplane research --json` or `--out`, or a bundle from `sixplane export`"
_PRUNED = "cited passages were pruned or belong to another corpus; ask again for a report with current evidence"
_QUOTED = "of some documents the bundle has only what the report itself quotes; nothing here could confirm that"
_OTHER_HTML = "`report.html` was made by another version and was not compared; read `report.json`, or make it anew"


def verify(
    report: ReportFile,
    key: PublicKey = None,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Check a report against its corpus, or a bundle by itself. Exit status 2: it has faults; 5: evidence is missing.

    A bundle needs neither corpus nor account nor network. Compare the printed digest with the sender's.
    """
    data = _read(report)
    if data.startswith(_ZIP) or report.suffix.lower() == ".zip":
        _conclude_bundle(data, key, json_output=json_output)
        return
    if key is not None:
        raise BadInput("a report has no signature", hint="leave out `--public-key`, or give a bundle")
    from settings import checked_name

    result = run_async(_verify(read_report(data, report), settings_of(home), checked_name("tenant", tenant)))
    if json_output:
        print_json(result.model_dump(mode="json"))
    else:
        _tell(result)
        say(f"outcome: {result.outcome}")
    _end(result.outcome, _PRUNED)


def _conclude_bundle(data: bytes, key: Path | None, *, json_output: bool) -> None:
    from experience.bundle import public_key, verify_bundle

    result = verify_bundle(data, signer=public_key(key) if key else "")
    if json_output:
        print_json(result.model_dump(mode="json"))
    else:
        for fault in result.faults:
            say(f"{fault.kind}: {fault.member or 'bundle'}: {fault.detail}")
        if result.report is not None:
            _tell(result.report)
            say(f"checked: {result.members} files, {result.events} lines of the audit trail")
        say(f"outcome: {result.outcome}")
        say(f"sha256: {result.digest}")
        if result.signer and result.report is not None:
            say(f"signed: {result.signer}" + ("" if key else " (nobody has said whose key that is: `--public-key`)"))
    if result.html != "same" and result.outcome != "failed":
        note(f"hint: {_OTHER_HTML}")
    _end(result.outcome, _QUOTED)


def _tell(result: VerificationResult) -> None:
    for fault in result.faults:
        say(f"{fault.kind}: {fault.claim_id or fault.evidence_id or 'report'}: {fault.detail}")
    say(f"checked: {result.claims} claims, {result.citations} citations, {result.evidence} passages")


def _end(outcome: str, hint: str) -> None:
    if outcome == "pruned":
        note(f"hint: {hint}")
    # Pruned passages are not a fault of the report, so they get another exit status.
    if outcome != "verified":
        raise typer.Exit(Exit.UNAVAILABLE if outcome == "pruned" else Exit.BAD_INPUT)


def _read(path: Path) -> bytes:
    """Return the content of a file, no larger than a bundle can be."""
    from experience.bundle import MAX_BYTES

    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{str(path)!r} cannot be read: {error.strerror}", hint=_HINT) from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{str(path)!r} has more than {MAX_BYTES} bytes", hint=_HINT)
    return data


def read_report(data: bytes, path: Path) -> Report:
    """Return the report in `data`, the content of `path`. Raises `BadInput` if it contains none."""
    from pydantic import ValidationError

    from state.report import Report

    try:
        return Report.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{str(path)!r} is not a report: {where}: {first['msg']}".replace(": : ", ": "), hint=_HINT
        ) from error


async def _verify(report: Report, settings: Settings, tenant: str) -> VerificationResult:
    from experience.verification import verify_report
    from retrieval import Corpora
    from settings import checked_name

    if report.corpus is None:
        return await verify_report(report, None)
    async with Corpora(settings) as corpora:
        return await verify_report(report, await corpora.get(tenant, checked_name("corpus", report.corpus.name)))
