"""One ingestion: small documents are encoded and stored in batches, a large one in slices.

A batch is one transaction. The vectors of a large document are committed slice by slice, and one last transaction
publishes the document from them: a search never sees half a document, and an ingestion that was interrupted goes on
inside it. Memory is bounded by the text of one document, not by its vectors.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.access import judged, relabels, remains
from retrieval.backend import CorpusBackend, CorpusWriter, LiveVersion, Vectors
from retrieval.documents import FailedFile
from retrieval.embeddings import Portion, groups_at_once, model_of
from retrieval.loaders import size_of, survey
from retrieval.preparation import PreparedDocument, PreparedPassage
from retrieval.remote.addresses import is_address
from retrieval.reports import IngestProgress, IngestReport
from retrieval.roots import NO_FILES, SourceRoots
from retrieval.roots.memory import Asked, Memory, Unchanged
from retrieval.roots.stamps import Noted
from retrieval.roots.syncing import gone
from state.access import Held, may_change
from state.errors import BadInput

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

Progress = Callable[[IngestProgress], object]
Prepared = PreparedDocument | FailedFile | Asked | Unchanged | Noted

_NOTES, _NOTE_SECONDS = 1000, 10.0
"""How many files may wait to be remembered, and how long. Chosen values: each time costs one transaction, and a killed
ingestion reads again what was not remembered."""

_GROUP_SECONDS = 0.1
"""How long files are read before what they hold is stored. A chosen value."""

_IDS = 2000  # how many documents are asked for at once; it bounds the memory


@dataclass
class Reading:
    """Which files were read so far, of how many. `opened` is called in the thread that reads them."""

    all_files: int = 0
    all_bytes: int = 0
    files: int = 0
    bytes: int = 0
    last: int = 0
    told: int = 0

    def opened(self, path: Path) -> None:
        """Count a file that is about to be read; the one before it is done."""
        self.files, self.bytes, self.last = self.files + 1, self.bytes + self.last, size_of(path)

    def counts(self, share: float) -> dict[str, int]:
        """Return the counts, with the share of the last file that is done."""
        # It never goes back: a file may hold several documents, each of which is done from 0 to 1.
        self.told = done = max(self.told, self.bytes + int(self.last * share))
        # Files may come or grow while others are read.
        whole = {"all_files": max(self.all_files, self.files), "all_bytes": max(self.all_bytes, done)}
        return {"files": self.files, "bytes": done, **(whole if self.all_files else {})}


def reading_of(inputs: Any) -> Reading:
    """Return the number of the files of `inputs` and their size, as far as they are known beforehand."""
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    if not isinstance(given, list | tuple) or not all(isinstance(each, str | Path) for each in given):
        return Reading()
    if any(isinstance(each, str) and is_address(each) for each in given):
        return Reading()
    return Reading(*survey(map(Path, given)))


@dataclass
class _Tally:
    """What has been done so far; mutable, because copying a report for each of many documents takes quadratic time."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    passages: int = 0
    superseded: int = 0
    resumed: int = 0
    encoded: int = 0
    removed: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    relabelled: list[str] = field(default_factory=list)

    def report(self, generation: int) -> IngestReport:
        """Return what was done."""
        given = {name: value for name, value in vars(self).items() if name in IngestReport.model_fields}
        return IngestReport(
            **{**given, "failed": (*self.failed,), "relabelled": (*self.relabelled,)}, generation=generation
        )

    def progress(self) -> IngestProgress:
        """Return how far it is."""
        done = {"added": self.added, "updated": self.updated, "unchanged": self.unchanged}
        return IngestProgress(**done, failed=len(self.failed), passages=self.encoded)


def _next_group(items: Iterator[Prepared], most: Portion) -> tuple[list[Prepared], Exception | None, bool]:
    """Return the next items, about `most` of them, what was raised after them, and whether these are all.

    Each change of threads costs more than a small document. Whoever waits sees what was read after a moment.
    """
    found: list[Prepared] = []
    texts, chars, until = 0, 0, time.monotonic() + _GROUP_SECONDS
    try:
        for item in items:
            found.append(item)
            if isinstance(item, PreparedDocument):
                texts, chars = texts + max(len(item.passages), 1), chars + len(item.text)
            if isinstance(item, Asked) or most.is_reached(texts, chars) or time.monotonic() > until:
                return found, None, False
    except Exception as error:  # noqa: BLE001 - it is raised again, after what came before it
        return found, error, True
    return found, None, True


class Ingestion:
    """Stores documents with a writer; whoever makes it holds the writer's lock.

    Args:
        backend: the corpus.
        writer: its writer.
        embeddings: the model of the corpus.
        held: the audiences of the caller; `None`: not restricted.
        roots: the source roots that name the items; those that they add are recorded.
        progress: called after each document, slice and failure, on the event loop.
        reading: counts the files that are read.
        memory: what the corpus remembers of files, if it is to be asked.
    """

    def __init__(
        self,
        backend: CorpusBackend,
        writer: CorpusWriter,
        embeddings: Embeddings,
        held: Held,
        roots: SourceRoots,
        progress: Progress | None,
        reading: Reading,
        memory: Memory | None = None,
    ) -> None:
        self._backend, self._writer, self._embeddings = backend, writer, embeddings
        self._held, self._roots, self._progress, self._reading = held, roots, progress, reading
        self._model, self._portion = model_of(embeddings), Portion.of(embeddings)
        self._ahead = groups_at_once(embeddings) - 1
        self._encoding: deque[tuple[list[PreparedDocument], asyncio.Task[list[list[float]]]]] = deque()
        self._batch: list[PreparedDocument] = []
        self._texts = self._chars = 0  # of the batch
        self._tally = _Tally()
        self._seen: set[str] = set()
        self._memory, self._notes, self._noted_at = memory, list[Noted](), time.monotonic()

    async def run(self, items: Iterator[Prepared], sync: Sequence[Path] | None = None) -> IngestReport:
        """Store what `items` yields and bring the indexes up to date; return what was done.

        With `sync`, documents of these paths whose files are gone are taken out of search.
        """
        try:
            return await self._run(items, sync)
        finally:
            for _, encoding in self._encoding:
                encoding.cancel()

    async def _run(self, items: Iterator[Prepared], sync: Sequence[Path] | None) -> IngestReport:
        self._tell()
        ended = False
        while not ended:
            # In a thread: files are parsed, which would block the event loop.
            group, error, ended = await asyncio.to_thread(_next_group, items, self._portion)
            if fresh := self._roots.take_fresh():
                await self._writer.record(fresh)
            await self._take_group(group)
            if error is not None:
                raise error
            del group  # so that a large document is not held while the next one is parsed
        await self._flush()
        await self._remember()
        if sync:
            await self._remove_gone(sync)
        self._tell(share=1.0)  # of the last file
        await self._writer.build()
        return self._tally.report((await self._backend.revision()).generation)

    async def _remove_gone(self, paths: Sequence[Path]) -> None:
        rows = (await self._backend.inventory())[1]
        live = [row for row in rows if not row["superseded"] and may_change(row["labels"], self._held)]
        ids = list(dict.fromkeys(row["document_id"] for row in live if row["parser"] not in NO_FILES))
        found = await asyncio.to_thread(gone, self._roots, paths, ids, self._seen)
        for doubt in found.doubts:
            self._fail(doubt)
        if found.ids:
            await self._writer.delete(found.ids, lambda _, labels: may_change(labels, self._held))
            self._tally.removed = len(found.ids)

    async def _heed(self, item: Asked | Unchanged | Noted) -> None:
        """Do what concerns the memory of files."""
        if isinstance(item, Asked):
            await self._recall(item.files)
            return
        if isinstance(item, Unchanged):
            self._notes += item.notes
            for each in item.documents:
                self._seen.add(each.document_id)
                self._tally.unchanged += 1
                self._tell()
        else:
            self._notes.append(item)
        if len(self._notes) >= _NOTES or time.monotonic() - self._noted_at > _NOTE_SECONDS:
            await self._remember()

    async def _recall(self, files: Sequence[str]) -> None:
        """Have the memory know those of the files whose documents are stored as they gave them."""
        assert self._memory is not None  # who asks has one
        noted = await self._backend.remembered(files)
        live: dict[str, Sequence[LiveVersion]] = {}
        ids = [each.document_id for note in noted for each in note.documents]
        for start in range(0, len(ids), _IDS):
            live.update(await self._backend.live_versions(ids[start : start + _IDS]))
        self._memory.known = {
            note.file: note
            for note in noted
            if all(remains(each, live.get(each.document_id, ()), self._held) for each in note.documents)
        }

    async def _remember(self) -> None:
        """Store what was noted of files; until then, a killed ingestion has to read these files once more."""
        notes, self._notes, self._noted_at = self._notes, [], time.monotonic()
        if notes:
            await self._writer.remember(notes)

    async def _take_group(self, group: Sequence[Prepared]) -> None:
        # One query for all: ids are never twice in an ingestion, so none waits for the one before it.
        ids = [each.document_id for each in group if isinstance(each, PreparedDocument) and not each.earlier_ids]
        live = await self._backend.live_versions(ids) if ids else {}
        for item in group:
            if isinstance(item, PreparedDocument):
                await self._take(item, live)
            elif isinstance(item, FailedFile):
                self._fail(item)
            else:
                await self._heed(item)

    async def _take(self, item: PreparedDocument, live: Mapping[str, Sequence[LiveVersion]]) -> None:
        self._seen.update(item.names)
        if item.earlier_ids:  # it may be compared with one that is still being encoded
            await self._store(0)
            live = await self._backend.live_versions(item.names)
        document = self._decided(item, live)
        if document is None:
            return
        if self._portion.is_exceeded(len(document.passages), len(document.text)):
            await self._flush()
            await self._put_in_slices(document)
            return
        self._batch.append(document)
        # A document without passages counts too: the batch holds its text.
        self._texts, self._chars = self._texts + max(len(document.passages), 1), self._chars + len(document.text)
        if self._portion.is_reached(self._texts, self._chars):
            await self._flush(self._ahead)

    def _decided(self, item: PreparedDocument, found: Mapping[str, Sequence[LiveVersion]]) -> PreparedDocument | None:
        """Return a document with its access label; `None` if it is unchanged or refused."""
        mine = [*found.get(item.document_id, ())]
        earlier = [each for name in item.names[1:] for each in found.get(name, ())]
        live, place = [*mine, *earlier], (self._backend.tenant, self._backend.name)
        try:
            item.metadata_text()  # which reports metadata that no database stores
            document, unchanged = judged(item, live, place, self._held)
        except BadInput as error:
            self._fail(FailedFile(source=item.source, reason=f"{error.message}; {error.hint}"))
            return None
        if unchanged and not earlier:
            self._tally.unchanged += 1
            self._tell()
            return None
        if relabels(document, live, self._held):
            self._tally.relabelled.append(item.document_id)
        return document

    async def _flush(self, left: int = 0) -> None:
        """Have the batch encoded, and store what was encoded until at most `left` batches wait for it."""
        documents, self._batch, self._texts, self._chars = self._batch, [], 0, 0
        if documents:
            texts = [each.embedded_text(item) for each in documents for item in each.passages]
            self._encoding.append((documents, asyncio.create_task(self._embeddings.aembed_documents(texts))))
        await self._store(left)

    async def _store(self, left: int) -> None:
        """Store batches in their order, until at most `left` wait for their vectors."""
        while len(self._encoding) > left:
            documents, encoding = self._encoding[0]
            found = await encoding
            self._encoding.popleft()
            self._tally.encoded += len(found)
            vectors = iter(found)
            await self._put([(each, [next(vectors) for _ in each.passages]) for each in documents])

    async def _put_in_slices(self, document: PreparedDocument) -> None:
        kept = await self._writer.kept(document, self._model)
        left = [each for each in document.passages if document.vector_id(each) not in kept]
        done = len(document.passages) - len(left)
        self._tally.resumed, self._tally.encoded = self._tally.resumed + done, self._tally.encoded + done
        whole = len(document.passages)
        parts = list(self._portion.parts((each, each.end - each.start) for each in left))
        async with aclosing(self._encoded(document, parts)) as encoded:
            if parts:
                self._tell(done / whole, source=document.source, done=done, total=whole)
            async for part, vectors in encoded:
                named = {document.vector_id(each): vector for each, vector in zip(part, vectors, strict=True)}
                await self._writer.keep(document.document_id, named, self._model)
                done, self._tally.encoded = done + len(part), self._tally.encoded + len(part)
                if done < whole:
                    self._tell(done / whole, source=document.source, done=done, total=whole)
        await self._put([(document, None)], share=1.0)

    async def _encoded(
        self, document: PreparedDocument, parts: Sequence[list[PreparedPassage]]
    ) -> AsyncGenerator[tuple[list[PreparedPassage], list[list[float]]]]:
        """Yield the slices of a document with their vectors, some slices ahead."""
        coming: deque[asyncio.Task[list[list[float]]]] = deque()
        try:
            for number, part in enumerate(parts):
                while len(coming) <= self._ahead and number + len(coming) < len(parts):
                    texts = [document.embedded_text(each) for each in parts[number + len(coming)]]
                    coming.append(asyncio.create_task(self._embeddings.aembed_documents(texts)))
                yield part, await coming[0]
                coming.popleft()
        finally:
            for task in coming:
                task.cancel()
            await asyncio.gather(*coming, return_exceptions=True)

    async def _put(self, pairs: list[tuple[PreparedDocument, Vectors | None]], share: float = 0.0) -> None:
        updated, superseded = await self._writer.put(pairs, self._model, lambda _, old: may_change(old, self._held))
        self._tally.added += len(pairs) - updated
        self._tally.updated += updated
        self._tally.superseded += superseded
        self._tally.passages += sum(len(each.passages) for each, _ in pairs)
        self._tell(share)

    def _fail(self, file: FailedFile) -> None:
        self._tally.failed.append(file)
        self._tell(failure=file)

    def _tell(self, share: float = 0.0, **now: object) -> None:
        if self._progress is not None:
            self._progress(self._tally.progress().model_copy(update={**self._reading.counts(share), **now}))
