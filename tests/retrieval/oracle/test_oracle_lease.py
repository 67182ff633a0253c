"""One writer a corpus in Oracle Database: no transaction is open while it embeds, and a lost lease writes nothing.

The statements run on SQLite, rewritten; the clock of the leases is the test's.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from retrieval import Corpora
from retrieval.oracle import lease
from retrieval.oracle.lease import LEASE_SECONDS
from settings import Settings
from state.errors import CorpusBusy, CorpusMissing, DependencyUnavailable
from tests.conformance.planes import DIMENSIONS, Hashed, document
from tests.doubles.oracle import RecordingPool
from tests.retrieval.oracle.recording import PlaybackPool
from tests.retrieval.oracle.scripted import GIVES_BACK, LEASE, backend, changes

NAMES = [f"d{n}" for n in range(6)]
DOCUMENTS = [document(name, f"{name} apple") for name in NAMES]
LARGE = ["one apple", "two pears", "three plums", "four figs", "five limes"]


class Watched(Embeddings):
    """Embeds two texts at a time, counts them, and calls `during` first."""

    model_id, texts_at_once = "hashed", 2

    def __init__(self, during: Callable[[int], Any] | None = None) -> None:
        self.texts: Counter[str] = Counter()
        self.calls, self._during, self._hashed = 0, during, Hashed()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls += 1
        if self._during is not None:
            found = self._during(self.calls)
            if asyncio.iscoroutine(found):
                await found
        self.texts.update(texts)
        return self._hashed.embed_documents(texts)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._hashed.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._hashed.embed_query(text)


class Killed(BaseException):
    """The end of a process, as far as a test can bring it about."""


@pytest.fixture
def played(tmp_path: Path) -> PlaybackPool:
    return PlaybackPool(tmp_path / "played.db", DIMENSIONS)


def at(pool: PlaybackPool, seconds: float) -> None:
    """Set the database's clock."""
    pool.clock = lambda: seconds


async def corpus_of(pool: PlaybackPool, embeddings: Embeddings) -> Any:
    return await Corpora(Settings(), embeddings=embeddings, pool=pool).create("local", "c")


def stored(pool: PlaybackPool) -> list[Any]:
    with closing(sqlite3.connect(pool._path)) as database:
        query = "SELECT document_id, COUNT(*) FROM SIXPLANE_DOCUMENTS WHERE superseded = 0 GROUP BY 1 ORDER BY 1"
        return database.execute(query).fetchall()


async def killed(pool: PlaybackPool, batch: int, items: list[Any]) -> Watched:
    """Ingest until the encoder is asked for its `batch`-th batch; the process then gives nothing back."""

    def die(call: int) -> None:
        if call == batch:
            pool.fail(GIVES_BACK, "DPY-4011")
            raise Killed

    embeddings = Watched(die)
    with pytest.raises(Killed):
        await (await corpus_of(pool, embeddings)).ingest(items)
    return embeddings


@pytest.mark.parametrize("items", [DOCUMENTS, [document("large", "\n\n".join(LARGE))]], ids=["batches", "slices"])
async def test_no_transaction_is_open_and_no_connection_held_while_the_encoder_works(
    played: PlaybackPool, items: list[Any]
) -> None:
    found: list[tuple[int, int]] = []
    embeddings = Watched(lambda _: found.append((played.transactions, played.held)))
    await (await corpus_of(played, embeddings)).ingest(items)
    assert found
    assert set(found) == {(0, 0)}
    assert played.commits > len(found)


async def test_a_second_writer_is_refused_while_the_first_embeds_and_let_in_after(played: PlaybackPool) -> None:
    second = await corpus_of(played, Hashed())
    refused: list[CorpusBusy] = []

    async def intrude(_: int) -> None:
        with pytest.raises(CorpusBusy, match="writing to the corpus `c`") as busy:
            await second.ingest([document("other", "a pear")])
        refused.append(busy.value)

    first = await corpus_of(played, Watched(intrude))
    await first.ingest(DOCUMENTS)
    assert len(refused) == 3
    assert f"in {LEASE_SECONDS} seconds" in str(refused[0].hint)
    assert (await second.ingest([document("other", "a pear")])).added == 1
    assert stored(played) == [(name, 1) for name in [*NAMES, "other"]]


async def test_of_two_that_claim_at_once_one_wins(played: PlaybackPool) -> None:
    corpora = [await corpus_of(played, Hashed()) for _ in range(8)]
    attempts = (each.ingest([document(f"by{n}", "a pear")]) for n, each in enumerate(corpora))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    won = [each for each in results if not isinstance(each, BaseException)]
    assert won
    assert all(isinstance(each, CorpusBusy) for each in results if isinstance(each, BaseException))
    assert len(stored(played)) == len(won)


async def test_a_writer_that_lost_its_lease_writes_nothing_more(played: PlaybackPool) -> None:
    """It was suspended for longer than its lease; the second one's labels and versions stand."""
    at(played, 1000)
    second = await corpus_of(played, Hashed())

    async def overtake(call: int) -> None:
        if call == 2:
            at(played, 1000 + LEASE_SECONDS + 1)
            await second.ingest([document("d2", "d2 pear", audience=["board"])])

    first = await corpus_of(played, Watched(overtake))
    with pytest.raises(CorpusBusy, match="meanwhile"):
        await first.ingest(DOCUMENTS)
    assert stored(played) == [(name, 1) for name in ("d0", "d1", "d2")]
    assert (await second.search("apple", 9, where={"audience": "board"}))[0].text == "d2 pear"
    assert (await first.ingest(DOCUMENTS[:2])).unchanged == 2


@pytest.mark.parametrize("batch", [1, 2, 3])
async def test_a_kill_between_batches_loses_nothing_and_embeds_nothing_twice(played: PlaybackPool, batch: int) -> None:
    at(played, 1000)
    before = await killed(played, batch, DOCUMENTS)
    assert len(stored(played)) == 2 * (batch - 1)
    after = Watched()
    again = await corpus_of(played, after)
    with pytest.raises(CorpusBusy):
        await again.ingest(DOCUMENTS)
    at(played, 1000 + LEASE_SECONDS + 1)
    report = await again.ingest(DOCUMENTS)
    assert (report.added, report.unchanged) == (8 - 2 * batch, 2 * (batch - 1))
    assert stored(played) == [(name, 1) for name in NAMES]
    assert set((before.texts + after.texts).values()) == {1}
    assert len(before.texts + after.texts) == len(NAMES)


async def test_a_kill_between_slices_keeps_the_vectors_of_the_slices(played: PlaybackPool) -> None:
    at(played, 1000)
    text = "\n\n".join(LARGE)
    large = document("large", text)
    spans = [(text.index(each), text.index(each) + len(each)) for each in LARGE]
    passages = tuple(type(large.passages[0])(f"E{n:026}", start, end) for n, (start, end) in enumerate(spans))
    items = [type(large)(**{**vars(large), "passages": passages})]
    before = await killed(played, 2, items)
    assert stored(played) == []
    at(played, 1000 + LEASE_SECONDS + 1)
    after = Watched()
    report = await (await corpus_of(played, after)).ingest(items)
    assert (report.added, report.passages, report.resumed) == (1, 5, 2)
    assert set((before.texts + after.texts).values()) == {1}


async def test_the_lease_is_renewed_while_the_encoder_works(
    played: PlaybackPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.0)
    played.fail(r"SET c.writer_until = ", "DPY-4011")  # one that fails is followed by another
    renewals: list[str] = []

    async def wait(_: int) -> None:
        while len(renewals) < 3:
            await asyncio.sleep(0)
            renewals[:] = [each.text for each in played.statements if "SET c.writer_until = " in each.text]

    assert (await (await corpus_of(played, Watched(wait))).ingest(DOCUMENTS[:1])).added == 1
    assert played.transactions == 0


async def test_a_lease_that_cannot_be_given_back_fails_nothing(pool: RecordingPool) -> None:
    pool.fail(GIVES_BACK, "DPY-4011")
    async with backend(pool).writer():
        pass
    with pytest.raises(CorpusBusy):
        async with backend(pool).writer():
            pytest.fail("the lease was not held")
    assert changes(pool) == []


async def test_what_fails_while_the_lease_is_held_gives_it_back(pool: RecordingPool) -> None:
    for error in (DependencyUnavailable("x"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with backend(pool).writer():
                raise error
    assert (pool.commits, pool.held) == (2 * LEASE, 0)
    async with backend(pool).writer():
        pass


async def test_a_claim_that_another_one_was_faster_with_is_refused(pool: RecordingPool) -> None:
    pool.answer(r"SET c.writer = :writer", [])
    with pytest.raises(CorpusBusy):
        async with backend(pool).writer():
            pytest.fail("the lease was not held")


async def test_a_corpus_that_is_gone_is_missing(pool: RecordingPool) -> None:
    async with backend(pool).writer() as writer:
        pool.answer(r"FOR UPDATE", [])
        with pytest.raises(CorpusMissing):
            await writer.prune(lambda *_: True)
    pool.answer(r"^SELECT CASE WHEN", [])
    with pytest.raises(CorpusMissing):
        async with backend(pool).writer():
            pytest.fail("there is no corpus")


async def test_a_row_that_stays_locked_makes_the_corpus_busy(pool: RecordingPool) -> None:
    pool.fail(r"FOR UPDATE WAIT", "ORA-30006")
    async with backend(pool).writer() as writer:
        with pytest.raises(CorpusBusy, match="`c`"):
            await writer.prune(lambda *_: True)
    assert pool.rollbacks == 1
