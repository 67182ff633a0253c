"""`sixplane export`: writes the evidence bundle of a thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.bundle.texts import WholeTexts
from experience.cli.options import Home, Json, Tenant, ThreadName
from experience.cli.output import note, print_json, say
from experience.cli.running import run_async, settings_of

if TYPE_CHECKING:
    from experience.bundle import Bundle
    from settings import Settings

Out = Annotated[Path, typer.Option("--out", help="The zip file to write.", dir_okay=False)]
Texts = Annotated[
    WholeTexts,
    typer.Option(
        "--texts",
        help="Which cited documents are included with their whole text: those without an audience of which the report "
        "withholds nothing, all that you may read, or none. Of the others, the bundle has the cited passages.",
    ),
]
SignKey = Annotated[
    Path | None,
    typer.Option(
        "--sign-key",
        help="Sign with this Ed25519 key (PEM, without a password).",
        show_default="the setting audit.bundle_key",
        dir_okay=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def export(
    thread: ThreadName,
    out: Out,
    texts: Texts = WholeTexts.OPEN,
    sign_key: SignKey = None,
    force: Force = False,
    tenant: Tenant = "local",
    json_output: Json = False,
    home: Home = None,
) -> None:
    """Write a thread's latest report with its evidence as one zip file. `sixplane verify` checks it anywhere."""
    from experience.files import refuse_existing
    from settings import checked_name

    if not force:
        refuse_existing(out)
    names = checked_name("tenant", tenant), checked_name("thread", thread)
    bundle = run_async(_export(settings_of(home), *names, out, texts, sign_key, force=force))
    if json_output:
        counts = {"documents": bundle.shown, "events": bundle.events, "bytes": len(bundle.data)}
        print_json({"thread": thread, "file": str(out), "sha256": bundle.digest, **counts})
        return
    note(f"written: {out}")
    say(f"sha256: {bundle.digest}")
    say(f"documents: {_counted(bundle)}; lines of the audit trail: {bundle.events}")


def _counted(bundle: Bundle) -> str:
    words = {"whole": "with their text", "excerpts": "as excerpts", "quoted": "only as the report quotes them"}
    counted = [f"{bundle.shown[kind]} {words[kind]}" for kind in bundle.shown]
    return ", ".join(counted) or "none"


async def _export(
    settings: Settings,
    tenant: str,
    thread: str,
    out: Path,
    texts: WholeTexts,
    sign_key: Path | None,
    *,
    force: bool,
) -> Bundle:
    from experience.files import write_file
    from experience.service import open_service
    from experience.service.exporting import Reader
    from observability.audit import operator

    async with (
        open_service(settings) as service,
        service.exported(operator(tenant), thread, Reader(), texts, sign_key) as bundle,
    ):
        # Within the block: the trail says `done` only if the file was written.
        write_file(out, bundle.data, mode=0o600, replace=force)
        return bundle
