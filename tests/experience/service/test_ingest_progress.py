"""How often the progress of an ingestion is told, and as a stream that ends with its report."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from experience.ingest_progress import Paced, event_of, followed, message_of
from retrieval import IngestProgress, IngestReport
from retrieval.documents import FailedFile
from state.errors import CorpusBusy

FAILED = IngestProgress(failed=1, failure=FailedFile(source="b.exe", reason="unsupported"))


@pytest.mark.parametrize(("at_once", "first"), [(True, [0]), (False, [])])
def test_progress_comes_every_so_often_and_a_failure_at_once(at_once, first):
    now, told = [100.0], []
    paced = Paced(lambda each: told.append(each.passages), 30, lambda: now[0], at_once=at_once)
    for passages in range(6):
        paced(IngestProgress(passages=passages))
        now[0] += 10
    assert told == [*first, 3]
    paced(FAILED.model_copy(update={"passages": 99}))
    assert told == [*first, 3, 99]


def test_an_event_tells_a_failure_or_the_counts():
    assert event_of(FAILED) == {"type": "failed", "source": "b.exe", "reason": "unsupported"}
    assert message_of(FAILED) == "skipped: b.exe: unsupported"
    large = IngestProgress(added=2, failed=1, passages=70, source="a.txt", done=64, total=90)
    assert event_of(large)["type"] == "progress"
    assert "failure" not in event_of(large)
    assert message_of(large) == "3 documents, 70 passages, 1 failed; a.txt 64/90"


async def test_a_stream_ends_with_the_report_or_the_error():
    async def ingest(tell):
        tell(IngestProgress())
        tell(FAILED)
        return IngestReport(added=1)

    async def refused(_):
        raise CorpusBusy("another process is writing")

    assert [each async for each in followed(ingest, 60)] == [IngestProgress(), FAILED, IngestReport(added=1)]
    with pytest.raises(CorpusBusy):
        await anext(followed(refused, 60))


async def test_whoever_stops_listening_ends_the_ingestion():
    ended = asyncio.Event()

    async def ingest(tell):
        try:
            tell(IngestProgress())
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with aclosing(followed(ingest, 60)) as events:
        await anext(events)
        assert not ended.is_set()
    assert ended.is_set()
