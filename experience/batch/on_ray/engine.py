"""The Ray engine. Which rows run, in which order and what is recorded is decided as for `local`, in this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experience.batch.on_ray.crew import Crew, open_crew
from experience.batch.on_ray.limits import SharedLimits
from experience.batch.on_ray.row_worker import Opening, OpenService
from experience.batch.team import Team
from experience.batch.values import BatchOutcome, BatchTask
from experience.service import open_service as open_research_service
from settings import Settings
from settings.connections.ray_cluster import RayCluster, check_ray, open_ray_cluster
from state.errors import BadInput

if TYPE_CHECKING:
    from experience.service import ResearchService


class RayEngine:
    """Runs tasks on actors, at most `concurrency` at once.

    Args:
        service: the service of this process, which reads the ledger for rows that no worker could run.
        concurrency: how many rows run at once, on all workers together.
        workers: how many actors; 0: one for each CPU of the cluster, but no more than rows run at once.
        open_service: opens the service of an actor.

    Raises:
        DependencyUnavailable: Ray is not installed.
        BadInput: `RAY_ADDRESS` cannot be used.
    """

    def __init__(
        self,
        service: ResearchService,
        concurrency: int,
        workers: int = 0,
        open_service: OpenService = open_research_service,
    ) -> None:
        check_ray()
        self._service, self._concurrency, self._workers = service, concurrency, min(workers, concurrency)
        self._open_service = open_service
        self._team = Team(concurrency, self._ask, self._drain)
        self._crew: Crew | None = None

    async def run(self, tasks: AsyncIterator[BatchTask]) -> AsyncGenerator[BatchOutcome]:
        """Yield the outcome of each task as it ends, in any order.

        Raises:
            DependencyUnavailable: the cluster cannot be used, or no worker is left.
        """
        async with self._opened() as self._crew, aclosing(self._team.run(tasks)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    def drain(self, reason: str) -> None:
        """Start no further task and stop the running ones at their next node boundary."""
        self._team.drain(reason)

    async def _ask(self, task: BatchTask) -> BatchOutcome:
        if self._crew is None:
            raise RuntimeError("the engine does not run")
        return await self._crew.ask(task)

    async def _drain(self, reason: str) -> None:
        if self._crew is not None:
            await self._crew.drain(reason)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Crew]:
        settings = self._service.settings
        async with AsyncExitStack() as stack:
            wanted = self._workers or min(self._concurrency, os.cpu_count() or 1)
            cluster = await stack.enter_async_context(open_ray_cluster(wanted))
            workers = self._workers or max(1, min(self._concurrency, cluster.cpus))
            seen = stack.enter_context(witness(settings, cluster))
            opening = Opening(
                settings=settings.model_copy(update={"home": settings.home.absolute()}),
                open_service=self._open_service,
                release=version("sixplane"),
                witness=seen,
                limits=_limits(settings),
            )
            rows_each = -(-self._concurrency // workers)
            yield await stack.enter_async_context(open_crew(self._service, opening, workers, rows_each))


def _limits(settings: Settings) -> Any:
    """Start the actor that holds the rate limits; `None` if no provider has any."""
    if all(settings.limits.per_minute(provider) == (None, None) for provider in settings.limits.providers):
        return None
    import ray

    actor = ray.remote(SharedLimits).options(
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,  # a request that waits here goes on waiting in its successor
        max_concurrency=10_000,  # each call that waits for its turn holds one
    )
    return actor.remote()


@contextmanager
def witness(settings: Settings, cluster: RayCluster) -> Iterator[Path | None]:
    """Yield a file that each worker has to see if ledger, threads and corpora lie in the home folder.

    Raises:
        BadInput: the cluster has several nodes, which cannot share such a folder: SQLite does not work over a network,
            and leases run by the clock of one machine.
    """
    if settings.profile == "oracle" or cluster.own:
        yield None
        return
    if cluster.nodes > 1:
        raise BadInput(
            f"the Ray cluster has {cluster.nodes} nodes, and the profile `embedded` keeps its data on one machine",
            hint="use SIXPLANE_PROFILE=oracle, or a cluster on this machine (without RAY_ADDRESS)",
        )
    with tempfile.NamedTemporaryFile(dir=settings.home, prefix=".ray-") as file:
        yield Path(file.name).absolute()
