"""`sixplane ingest`: adds documents to a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experience.cli.auditing import event_of, trail_of
from experience.cli.ingest_progress import ingest_progress, tell_due_index
from experience.cli.options import CorpusName, Home, Tenant
from experience.cli.output import print_json, say
from experience.cli.running import run_async, settings_of
from state.errors import BadInput

if TYPE_CHECKING:
    from retrieval import Corpora, IngestReport
    from retrieval.preparation import IngestEngine
    from settings import Settings

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...",
        help="Files and folders, objects at `oci://BUCKET@NAMESPACE/PREFIX`, and web addresses if the setting "
        "`data.remote.web` is on. docs/formats.md lists what is read.",
    ),
]


Audience = Annotated[
    list[str] | None,
    typer.Option(
        "--audience",
        help="Only this audience may see the documents that name none themselves; may be repeated. `*` opens them to "
        "the whole tenant. Without it, the setting `data.audiences` decides, and otherwise a document that was "
        "ingested before keeps its audience.",
    ),
]


Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="The encoding of text files that have no byte order mark and are not UTF-8, such as cp1251. Without it, "
        "the setting `data.encoding` decides; otherwise it is guessed, and a file with no certain guess is skipped.",
    ),
]


Ocr = Annotated[
    bool,
    typer.Option(
        "--ocr",
        help="Read PDF pages without text by OCR. It needs tesseract; the setting `data.ocr.languages` names the "
        "languages.",
    ),
]


IngestJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on standard output, and the progress as JSON lines on standard error."
    ),
]


Sync = Annotated[
    bool,
    typer.Option(
        "--sync",
        help="Take documents out of search whose files are gone from PATH. Nothing goes that failed to load, or whose "
        "folder is empty, as if a disk were missing.",
    ),
]


Reread = Annotated[
    bool,
    typer.Option("--reread", help="Read all files, also those that have not changed since they were last read."),
]


EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What reads and encodes files: `local`, this process; `ray`, workers on the Ray cluster of RAY_ADDRESS, "
        "or on this machine if that is not set.",
    ),
]


Workers = Annotated[
    int,
    typer.Option(
        "--workers", help="How many workers `--engine ray` starts. 0: one for each CPU of the cluster.", min=0, max=256
    ),
]


def ingest(
    paths: Paths,
    corpus: CorpusName = "default",
    audience: Audience = None,
    encoding: Encoding = None,
    ocr: Ocr = False,
    sync: Sync = False,
    reread: Reread = False,
    engine: EngineName = "local",
    workers: Workers = 0,
    tenant: Tenant = "local",
    json_output: IngestJson = False,
    home: Home = None,
) -> None:
    """Add documents to a corpus. Unchanged files are skipped; unreadable files are reported and skipped.

    It can be stopped or killed at any time: what was committed is kept, and the same command continues, also inside a
    large file.
    """
    from retrieval.remote.addresses import is_address
    from settings import checked_name

    checked_name("corpus", corpus)
    checked_name("tenant", tenant)
    given = [path if is_address(path) else Path(path) for path in paths]
    check_paths([path for path in given if isinstance(path, Path)])
    check_engine(engine, workers)
    reading: dict[str, object] = {"encoding": encoding} if encoding else {}
    if ocr:
        reading["ocr"] = {"enabled": True}
    settings = settings_of(home, **({"data": reading} if reading else {}))
    running = {"as_json": json_output, "sync": sync, "reread": reread}
    report = run_async(_ingest(settings, (engine, workers), given, corpus, audience, tenant, **running))
    if json_output:
        print_json({"corpus": corpus, **report.model_dump(mode="json")})
        return
    for line in summary_of(report, corpus):
        say(line)


def check_paths(paths: list[Path]) -> None:
    """Raise `BadInput` for the first path that does not exist."""
    for path in paths:
        if not path.exists():
            raise BadInput(
                f"there is no file or folder {str(path)!r}", hint="check the path; quote it if it contains spaces"
            )


def check_engine(engine: str, workers: int) -> None:
    """Raise `BadInput` for an engine that there is not, or that has no workers; `DependencyUnavailable` without Ray."""
    if engine not in ("local", "ray"):
        raise BadInput(f"there is no engine {engine!r}", hint="choose `local` or `ray`")
    if engine == "local" and workers:
        raise BadInput("the engine `local` has no workers", hint="use `--engine ray`")
    if engine == "ray":
        from settings.connections.ray_cluster import check_ray

        check_ray()


async def ingest_into(
    settings: Settings,
    corpora: Corpora,
    tenant: str,
    name: str,
    paths: Sequence[str | Path],
    audience: list[str] | None = None,
    *,
    as_json: bool = False,
    sync: bool = False,
    reread: bool = False,
    engine: IngestEngine | None = None,
) -> IngestReport:
    """Ingest paths and addresses into a corpus, which is created if needed. Show the progress, with each failed file.

    Raises:
        BadInput: none of the files could be read.
        AuditUnavailable: it cannot be recorded in the audit trail.
    """
    from experience.audited import record_ingestion
    from settings.process import collect_as_usual

    collect_as_usual()
    event = event_of("ingest", "ingest", tenant, f"corpus:{name}")
    async with trail_of(settings) as trail, trail.change(event) as noted:
        corpus = await corpora.create(tenant, name)
        with ingest_progress(as_json=as_json) as progress:
            report = await corpus.ingest(
                paths, audience=audience, progress=progress, sync=sync, reread=reread, engine=engine
            )
        await record_ingestion(trail, event.actor, event.object, noted, report)
    # One readable file is a success, with a message for the others; none is an error, so that scripts notice.
    if report.failed and not (report.added or report.updated or report.unchanged or report.removed):
        raise BadInput("none of the files could be read", hint="the lines above give the reason for each file")
    return report


def summary_of(report: IngestReport, name: str) -> list[str]:
    """Return the result of an ingestion as two lines."""
    counts = (
        f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged, {len(report.failed)} failed"
    )
    counts += f", {report.removed} removed" if report.removed else ""
    passages = str(report.passages)
    if report.resumed:
        passages += f", {report.resumed} of them encoded by an ingestion that was interrupted"
    return [f"corpus: {name} (version {report.generation})", f"documents: {counts}; passages: {passages}"]


async def _ingest(
    settings: Settings,
    running: tuple[str, int],
    paths: Sequence[str | Path],
    name: str,
    audience: list[str] | None,
    tenant: str,
    *,
    as_json: bool,
    sync: bool,
    reread: bool,
) -> IngestReport:
    from experience.corpora import open_corpora

    async with open_corpora(settings, tenant, "ingest") as corpora, _engine(*running) as engine:
        given = (settings, corpora, tenant, name, paths, audience)
        report = await ingest_into(*given, as_json=as_json, sync=sync, reread=reread, engine=engine)
    await tell_due_index(settings, as_json=as_json)
    return report


def _engine(name: str, workers: int) -> AbstractAsyncContextManager[IngestEngine | None]:
    if name == "local":
        return nullcontext()
    from retrieval.on_ray import open_ray_ingest

    return open_ray_ingest(workers)
