"""Reads and encodes the files of an ingestion on a Ray cluster, with `ray.data`; this process alone stores them.

Files are read and split by tasks; passages are encoded by actors that hold the encoder. The documents come back in the
order of the files, as `load_paths` yields them, and are encoded in the groups of an ingestion without a cluster: so
corpus, ids, vectors and report are the same. Nothing here imports `ray` when it is imported.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from retrieval.documents import FailedFile
from retrieval.embeddings import LocalEncoder
from retrieval.loaders import Sieve, files_of, load_file
from retrieval.preparation import IngestEngine, Opened, PreparedDocument, ReadPaths, cut
from retrieval.roots import SourceRoots
from retrieval.roots.memory import Asked, Begun, Looked, Memory, Unchanged
from retrieval.roots.stamps import Noted, fingerprint
from settings import Settings
from settings.connections.ray_cluster import open_ray_cluster
from settings.tree import DataSettings
from state.access import Labels
from state.errors import BadInput, DependencyUnavailable

Read: TypeAlias = "tuple[list[PreparedDocument | FailedFile] | None, Looked | None]"

_OBJECT_STORE_BYTES = 512 * 1024 * 1024
"""Documents that were read and are not stored yet; `ray.data` starts no more while half of it is full."""

_FILES_AT_ONCE = 4
"""How many files a task reads. A chosen value: a task costs some milliseconds, and the end is to be even."""

_MOST_STARTS = 50
"""How often an encoder is started again: one that lacks the memory would die for ever, and the ingestion never end."""

_SHARE = 0.5
"""The CPU that a reading task and an encoder reserve: both find room, also where there is one CPU."""


@asynccontextmanager
async def open_ray_ingest(workers: int = 0) -> AsyncIterator[IngestEngine]:
    """Yield an engine on the cluster of `RAY_ADDRESS`, or on one of this machine that is stopped after the block.

    Args:
        workers: how many processes encode, and about as many read; 0: one for each CPU of the cluster.

    Raises:
        BadInput: `RAY_ADDRESS` cannot be used.
        DependencyUnavailable: Ray is not installed, or there is no cluster.
    """
    wanted = workers or os.cpu_count() or 1
    async with open_ray_cluster(wanted, object_store_bytes=_OBJECT_STORE_BYTES) as cluster:
        yield RayIngest(workers or max(cluster.cpus, 1))


@dataclass(frozen=True)
class Job:
    """What every task needs to read files. It is sent to each node once, and holds no secret: of the settings, `data`
    alone says how a file is read and split. `looks`: whether a task takes the fingerprint of a file before it reads it.
    """

    data: DataSettings
    tenant: str
    corpus: str
    audience: Labels | None
    roots: SourceRoots
    looks: bool = False


class RayIngest:
    """The engine. `open_ray_ingest` opens it."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def reader(self, tenant: str, corpus: str) -> ReadPaths:
        """Return what reads files for a corpus."""

        def read(
            paths: Iterable[Path],
            settings: Settings,
            audience: Labels | None = None,
            roots: SourceRoots | None = None,
            opened: Opened | None = None,
            memory: Memory | None = None,
        ) -> Iterator[PreparedDocument | FailedFile | Asked | Unchanged | Begun | Noted]:
            job = Job(settings.data, tenant, corpus, audience, roots or SourceRoots(), memory is not None)
            return self._read(paths, job, opened, Sieve(memory, settings, audience, job.roots))

        return read

    def encoder(self, own: Embeddings) -> Embeddings:
        """Return what encodes passages as `own` does: on actors, if `own` computes here and asks no service."""
        return RayEmbeddings(own, self.encoders(own.folder)) if isinstance(own, LocalEncoder) else own

    def encoders(self, folder: Path | None) -> list[Any]:
        """Start the actors that encode with the model of a folder."""
        import ray

        # Encoding is pure, so that Ray itself may repeat a call whose actor was lost.
        actor = ray.remote(Encoder).options(num_cpus=_SHARE, max_restarts=_MOST_STARTS, max_task_retries=-1)
        return [actor.remote(folder) for _ in range(self._workers)]

    def results(self, files: list[str], job: Job) -> Iterator[Read]:
        """Yield what each file holds, in their order, as `read_file` says.

        Raises:
            DependencyUnavailable: a task failed.
        """
        import ray.data
        from ray.exceptions import RayError

        logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of each step at lower levels
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = context.print_on_execution_start = False
        blocks = -(-len(files) // _FILES_AT_ONCE)
        rows = ray.data.from_items([{"file": file} for file in files], override_num_blocks=blocks)
        try:
            for row in rows.map(_Remote(ray.put(job)), num_cpus=_SHARE).iter_rows():
                yield pickle.loads(row["items"])  # noqa: S301 - written by our own task
        except RayError as error:
            raise _lost(error) from error

    def _read(
        self, paths: Iterable[Path], job: Job, opened: Opened | None, sieve: Sieve
    ) -> Iterator[PreparedDocument | FailedFile | Asked | Unchanged | Begun | Noted]:
        found: list[Path | FailedFile] = []
        for each in sieve.sifted(files_of(paths, job.roots), opened):
            if isinstance(each, Asked | Unchanged):
                yield each
                continue
            if isinstance(each, Path):
                job.roots.name(each)  # here, in their order: it may make a folder a root
            found.append(each)
        files = [str(each) for each in found if isinstance(each, Path)]
        results = iter(self.results(files, job) if files else ())
        for each in found:
            if isinstance(each, FailedFile):
                yield each
                continue
            if opened is not None:
                opened(each)
            items, looked = next(results)
            yield from sieve.read(each, _noted(each, items, job.roots), looked)


def read_file(file: str, job: Job) -> bytes:
    """Return a `Read` as a pickle: what a file holds, read and split, and how it looked before.

    It holds `None` in place of the first if the file cannot be seen here.
    """
    path = Path(file)
    looked = Looked(*fingerprint(path, job.data.max_file_bytes)) if job.looks else None
    read: Read = ([*_prepared(path, job)] if os.path.lexists(path) else None, looked)
    return pickle.dumps(read)


def _prepared(path: Path, job: Job) -> Iterator[PreparedDocument | FailedFile]:
    # Made without validation, which would read the environment of the node.
    settings = Settings.model_construct(data=job.data)
    for item in load_file(path, settings, job.audience, job.roots):
        if isinstance(item, FailedFile):
            yield item
        else:
            labels = job.audience if item.audience is None else item.audience
            yield cut(item, labels, settings, job.tenant, job.corpus)


class _Remote:
    """Reads the file of a row, in a task. `job` is a reference: the job itself would be sent with each task."""

    def __init__(self, job: Any) -> None:
        self._job = job

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import ray

        return {"items": read_file(row["file"], ray.get(self._job))}


class Encoder:
    """The actor that encodes: holds the local model."""

    def __init__(self, folder: Path | None) -> None:
        self._embeddings = LocalEncoder(folder)

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the vectors of a group of texts, a row each."""
        return np.array(self._embeddings.embed_documents(texts), dtype=np.float32)  # which they are: nothing is lost


class RayEmbeddings(Embeddings):
    """Encodes groups of texts on actors, each group as a whole."""

    def __init__(self, own: LocalEncoder, actors: Sequence[Any]) -> None:
        self._own = own
        self.model_id, self.dimensions = own.model_id, own.dimensions
        self.texts_at_once, self.chars_at_once = own.texts_at_once, own.chars_at_once
        self.groups_at_once = len(actors)
        self._free: asyncio.Queue[Any] = asyncio.Queue()
        for actor in actors:
            self._free.put_nowait(actor)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, computed in this process."""
        return self._own.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text, computed in this process."""
        return self._own.embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector per text, computed by a free actor.

        Raises:
            DependencyUnavailable: the actor failed, or was lost and could not be started again.
        """
        from ray.exceptions import RayError

        if not texts:
            return []
        actor = await self._free.get()
        try:
            vectors: list[list[float]] = (await actor.encode.remote(texts)).tolist()
        except RayError as error:
            raise _lost(error) from error
        finally:
            self._free.put_nowait(actor)
        return vectors


def _lost(error: Exception) -> DependencyUnavailable:
    return DependencyUnavailable(
        f"the workers could not read or encode the files ({type(error).__name__})",
        hint="look at the nodes of the cluster, or use `--engine local`; what was stored is kept",
    )


def _noted(
    path: Path, items: list[PreparedDocument | FailedFile] | None, roots: SourceRoots
) -> Iterator[PreparedDocument | FailedFile]:
    """Yield what a worker found in a file, and note it as read like `load_file` does."""
    if items is None:
        if os.path.lexists(path):
            raise BadInput(
                f"a node of the cluster does not see {str(path)!r}",
                hint="put the documents where every node sees them under the same path, or use `--engine local`",
            )
        items = [FailedFile(source=path.as_posix(), reason="it is gone")]
    for failed, group in groupby(items, lambda each: isinstance(each, FailedFile)):
        if failed:
            roots.note(path, failed=True)
        yield from group
    roots.note(path, failed=False)
