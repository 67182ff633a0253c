"""The progress of an ingestion on standard error: a bar on a terminal, JSON lines for programs, or plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from experience.cli.output import note, note_json, printable, time_left

if TYPE_CHECKING:
    from rich.console import Console

    from experience.ingest_progress import Tell
    from retrieval import IngestProgress
    from settings import Settings

_PLAIN_SECONDS = 30.0
"""A chosen value: a log of an hour gets 120 lines."""

_JSON_SECONDS = 1.0
"""A chosen value: often enough for a display, and few lines."""


@contextmanager
def ingest_progress(*, as_json: bool = False, clock: Callable[[], float] = monotonic) -> Iterator[Tell]:
    """Show the progress of an ingestion while the block runs. Yields the function that takes it.

    A file that fails is told at once, in each of the ways.
    """
    from experience.ingest_progress import Paced

    if as_json:
        yield Paced(_tell_json, _JSON_SECONDS, clock)
    elif not sys.stderr.isatty():
        began = clock()
        yield Paced(lambda progress: _tell_line(progress, clock() - began), _PLAIN_SECONDS, clock, at_once=False)
    else:
        with bar() as tell:
            yield tell


def line_of(progress: IngestProgress, seconds: float) -> str:
    """Return the progress as one line: files, passages, rate, failures, and the time that is left or that it took."""
    parts = [
        f"{progress.files}/{progress.all_files} files" if progress.all_files else f"{progress.documents} documents"
    ]
    parts += [f"{progress.passages} passages", f"{progress.passages / max(seconds, 0.001):.1f} passages/s"]
    parts.append(f"{progress.failed} failed")
    if progress.bytes and progress.all_bytes:
        parts.append(time_left(progress.all_bytes - progress.bytes, progress.bytes, seconds))
    if progress.source:
        parts.append(f"{progress.source} {progress.done}/{progress.total}")
    return ", ".join(parts)


@contextmanager
def bar(console: Console | None = None) -> Iterator[Tell]:
    """Show a bar on a terminal while the block runs: the share that is done, counts, rate and remaining time."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.text import Text

    # No markup: a file may be called `[red]`.
    columns = (BarColumn(16), TaskProgressColumn(), TextColumn("{task.fields[line]}", markup=False))
    began = monotonic()
    last: IngestProgress | None = None
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None, line="starting")

        def tell(progress: IngestProgress) -> None:
            nonlocal last
            last = progress
            if progress.failure is not None:
                shown.console.print(Text(printable(_skipped(progress))), soft_wrap=True)
            line = printable(line_of(progress, monotonic() - began))
            shown.update(task, completed=progress.bytes, total=progress.all_bytes or None, line=line)

        yield tell
    if last is not None:
        shown.console.print(Text(printable(line_of(last, monotonic() - began))), soft_wrap=True)


def _tell_json(progress: IngestProgress) -> None:
    from experience.ingest_progress import event_of

    note_json(event_of(progress))


def _tell_line(progress: IngestProgress, seconds: float) -> None:
    note(_skipped(progress) if progress.failure is not None else f"ingest: {line_of(progress, seconds)}")


def _skipped(progress: IngestProgress) -> str:
    file = progress.failure
    return f"skipped: {file.source}: {file.reason}" if file is not None else ""


async def tell_due_index(settings: Settings, *, as_json: bool = False) -> None:
    """Say that the vector index in Oracle Database has to be built, if passages that were added make that due."""
    if settings.data.backend != "oracle":
        return
    from experience.database import due_index

    told = await due_index(settings)
    if told and as_json:
        note_json({"note": told})
    elif told:
        note(told)
