"""The progress of an ingestion, for every surface: how often it is told, and as a stream that ends with the report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from retrieval import IngestProgress, IngestReport

Tell = Callable[[IngestProgress], object]


class Paced:
    """Passes on every failure at once, and of all other progress only what comes `seconds` after the last of it.

    The first is passed on `at_once`, or after as many seconds.
    """

    def __init__(
        self, tell: Tell, seconds: float, clock: Callable[[], float] = monotonic, *, at_once: bool = True
    ) -> None:
        self._tell, self._seconds, self._clock = tell, seconds, clock
        self._told = clock() - seconds if at_once else clock()

    def __call__(self, progress: IngestProgress) -> None:
        """Take the progress."""
        if progress.failure is not None:
            self._tell(progress)
        elif self._clock() - self._told >= self._seconds:
            self._told = self._clock()
            self._tell(progress)


def event_of(progress: IngestProgress) -> dict[str, Any]:
    """Return the progress as an event: `failed` with the file and the reason, or `progress` with the counts."""
    if progress.failure is not None:
        return {"type": "failed", **progress.failure.model_dump(mode="json")}
    return {"type": "progress", **progress.model_dump(mode="json", exclude={"failure"})}


def message_of(progress: IngestProgress) -> str:
    """Return the progress, or the failure that has just come, as a sentence."""
    if progress.failure is not None:
        return f"skipped: {progress.failure.source}: {progress.failure.reason}"
    told = f"{progress.documents} documents, {progress.passages} passages, {progress.failed} failed"
    return f"{told}; {progress.source} {progress.done}/{progress.total}" if progress.source else told


async def followed(
    ingest: Callable[[Tell], Awaitable[IngestReport]], seconds: float
) -> AsyncGenerator[IngestProgress | IngestReport]:
    """Run `ingest`; yield its progress every so many seconds, its failures at once, and then its report.

    Whoever stops listening ends the ingestion. It keeps what it has committed, and can be started again.
    """
    news: asyncio.Queue[IngestProgress | None] = asyncio.Queue()
    task = asyncio.ensure_future(ingest(Paced(news.put_nowait, seconds)))
    task.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while (progress := await news.get()) is not None:
            yield progress
        yield await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
