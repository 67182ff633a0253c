"""Ingestions that people have started on the page. They go on when the page is closed, and end with the process."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from experience.http.problems import problem_of
from experience.ingest_progress import Paced, Tell
from retrieval import IngestProgress, IngestReport
from retrieval.documents import FailedFile

KEPT = 100
"""Ended ingestions that stay to be seen. A chosen value."""

_PROGRESS_SECONDS = 0.5


@dataclass(eq=False)
class Ingestion:
    """One ingestion: how far it is, and what became of it.

    Args:
        tenant: the tenant that the corpus belongs to.
        owner: who started it. Nobody else sees it.
        corpus: the corpus.
        files: how many files were uploaded.
    """

    tenant: str
    owner: str
    corpus: str
    files: int
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    progress: IngestProgress = field(default_factory=IngestProgress)
    failed: list[FailedFile] = field(default_factory=list)
    report: IngestReport | None = None
    problem: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.report is not None or bool(self.problem)

    @property
    def done(self) -> int:
        """How many of the files are done."""
        return min(self.progress.documents, self.files)

    def take(self, progress: IngestProgress) -> None:
        """Take the progress."""
        if progress.failure is not None:
            self.failed.append(progress.failure)
        self.progress = progress
        self.tell()

    def tell(self) -> None:
        """Wake those who watch."""
        self._news.set()
        self._news = asyncio.Event()

    async def watch(self) -> AsyncIterator[None]:
        """Yield now and after each change, the last time when it is over."""
        while True:
            news, ended = self._news, self.ended
            yield
            if ended:
                return
            await news.wait()


class Ingestions:
    """The ingestions of the page in this process."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Ingestion] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, tenant: str, owner: str, corpus: str, files: int, ingest: Callable[[Tell], Awaitable[IngestReport]]
    ) -> Ingestion:
        """Start an ingestion and return it."""
        started = Ingestion(tenant, owner, corpus, files)
        self._known[started.id] = started
        over = [each.id for each in self._known.values() if each.ended]
        for name in over[: max(0, len(self._known) - KEPT)]:
            del self._known[name]
        task = asyncio.create_task(_follow(started, ingest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return started

    def of(self, tenant: str, owner: str, corpus: str) -> list[Ingestion]:
        """Return a person's ingestions into a corpus that are not over."""
        return [
            each
            for each in self._known.values()
            if (each.tenant, each.owner, each.corpus) == (tenant, owner, corpus) and not each.ended
        ]

    def get(self, tenant: str, owner: str, name: str) -> Ingestion | None:
        """Return one of a person's ingestions."""
        found = self._known.get(name)
        return found if found is not None and (found.tenant, found.owner) == (tenant, owner) else None

    async def aclose(self) -> None:
        """End every ingestion. What each has committed is kept."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _follow(ingestion: Ingestion, ingest: Callable[[Tell], Awaitable[IngestReport]]) -> None:

    try:
        ingestion.report = await ingest(Paced(ingestion.take, _PROGRESS_SECONDS))
    except asyncio.CancelledError:
        ingestion.problem = "The server was stopped. Upload the files again to go on."
        raise
    except Exception as error:  # noqa: BLE001 - nobody awaits this task: who watches must learn of every error
        problem = problem_of(error)
        ingestion.problem = f"{problem.detail}. {problem.hint}".strip()
    finally:
        ingestion.tell()
