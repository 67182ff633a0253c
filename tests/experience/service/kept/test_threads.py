"""What is kept of threads: pages and searches of ten thousand, every run's report, homes of earlier releases."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from experience.service.threads import PageWanted, Threads
from experience.service.threads.listing import page_of, title_of
from experience.tables import TITLE_CHARS
from experience.tables import threads as table
from settings import Settings
from settings.connections.sql import open_engine
from state.channels import ResearchContext
from state.errors import BadInput, RunMissing, ThreadBusy
from tests.doubles.roles import scripted
from tests.experience.http.conftest import chat, client, served
from tests.experience.service.helpers import OUTSIDE, PRICE, SLOW, ask, service_of

SPAN = ("0" * 32, "0" * 16)


@asynccontextmanager
async def threads_of(home: Path) -> AsyncIterator[Threads]:
    threads = Threads(Settings(home=home), lease_seconds=60)
    await threads.setup()
    yield threads
    await threads.aclose()


async def add(threads: Threads, name: str, question: str, owner: str = "ann") -> None:
    lease = await threads.start("local", name, f"run-{name}", question, ResearchContext(principal=owner), None, SPAN)
    await threads.settle(lease, f"run-{name}", "answered")


async def names(threads: Threads, **wanted: object) -> list[str]:
    """The names on all pages."""
    found: list[str] = []
    page = await threads.list("local", PageWanted(**wanted))  # type: ignore[arg-type]
    found += (each.thread_id for each in page.threads)
    while page.next:
        page = await threads.list("local", PageWanted(**{**wanted, "cursor": page.next}))  # type: ignore[arg-type]
        found += (each.thread_id for each in page.threads)
    return found


async def test_a_question_does_not_begin_on_a_thread_that_is_being_deleted(tmp_path: Path) -> None:
    async with threads_of(tmp_path / "a") as threads:
        await add(threads, "t", "What is it?")
        async with threads.alone("local", "t") as (_, lease):
            with pytest.raises(ThreadBusy, match="deletion"):
                await add(threads, "t", "And why?")
            await threads.remove(lease)


async def test_pages_hold_every_thread_once_latest_first(tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        for number in range(7):
            await add(threads, f"t{number}", "Why?", "ann" if number % 2 else "bob")
        with closing(sqlite3.connect(tmp_path / "threads.db")) as database, database:
            # Of one moment: their names decide, so that a page boundary between them loses none.
            database.execute("UPDATE threads SET updated_at = '2026-01-01' WHERE thread_id IN ('t2', 't3', 't4')")
        everything = ["t6", "t5", "t1", "t0", "t4", "t3", "t2"]
        for limit in (1, 2, 3, 7, 50):
            assert await names(threads, limit=limit) == everything
        assert await names(threads, limit=2, owner="ann") == ["t5", "t1", "t3"]
        assert await names(threads, owner="eve") == []
        assert (await threads.list("other", PageWanted())).threads == ()


async def test_a_search_finds_words_of_every_question_in_any_case_and_order(tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        await add(threads, "a", "What does the Ümlaut cost?")
        more = ("local", "a", "run-2", "And 100% of_it?", ResearchContext(principal="ann"), None, SPAN)
        await threads.settle(await threads.start(*more), "run-2", "answered")
        await add(threads, "b", "What does it cost?")
        assert await names(threads, query="cost what") == ["b", "a"]
        assert await names(threads, query="ÜMLAUT") == ["a"]
        assert await names(threads, query="100% OF_IT") == ["a"]
        for nothing in ("10%t", "o_f", "of__it", "%", "nowhere"):
            assert await names(threads, query=nothing) == (["a"] if nothing == "%" else [])
        listed = (await threads.list("local", PageWanted(query="umlaut cost"))).threads
        assert listed == ()
        (one,) = (await threads.list("local", PageWanted(query="ümlaut"))).threads
        assert (one.title, one.status, one.run_id) == ("What does the Ümlaut cost?", "answered", "run-2")
        assert one.created < one.updated


@pytest.mark.parametrize("wanted", [{"limit": 0}, {"limit": 201}, {"query": "x" * 201}])
def test_a_page_that_is_too_large_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"1 to 200|200 characters"):
        PageWanted(**wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("cursor", ["x", "é", "2026", "2026-01-01", "2026-01-01~", "~t", "2026-01-01~t\n", "2026 ~t"])
async def test_a_cursor_of_something_else_is_refused(cursor: str, tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        with pytest.raises(BadInput, match="cursor") as refused:
            await threads.list("local", PageWanted(cursor=cursor))
    assert "next" in refused.value.hint


def test_a_title_is_one_line_cut_at_a_word() -> None:
    assert title_of("What\n is  it?") == "What is it?"
    assert title_of("w" * 500) == "w" * (TITLE_CHARS - 1) + "…"
    long = title_of("twelve words " * 30)
    assert len(long) <= TITLE_CHARS
    assert long.endswith(("words…", "twelve…"))


CURSOR = "2026-01-01T00:00:00Z~t500"


@pytest.mark.parametrize("cursor", ["", CURSOR])
@pytest.mark.parametrize("query", ["", "why"])
@pytest.mark.parametrize("owner", [None, "ann"])
async def test_a_page_is_read_from_an_index_without_sorting(
    owner: str | None, query: str, cursor: str, tmp_path: Path
) -> None:
    """Ten thousand threads are then as fast as ten: the time does not grow with them."""
    wanted = PageWanted(owner=owner, query=query, cursor=cursor)
    async with threads_of(tmp_path):
        engine = open_engine(Settings(home=tmp_path), "threads.db")
        with engine.begin() as connection:
            compiled = page_of("local", wanted).compile(engine, compile_kwargs={"literal_binds": True})
            plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
        engine.dispose()
    used = "threads_owned" if wanted.owner else "threads_recent"
    assert [used in line and "SEARCH" in line for line in plan] == [True], plan
    assert ("updated_at<" in plan[0]) == bool(cursor), plan


async def test_ten_thousand_threads_are_paged_to_their_end_and_searched(tmp_path: Path) -> None:
    async with threads_of(tmp_path) as threads:
        await add(threads, "first", "What does the canteen cost?")
        with closing(sqlite3.connect(tmp_path / "threads.db")) as database, database:
            database.execute("CREATE TABLE one AS SELECT * FROM threads")
            columns = [name for _, name, *_ in database.execute("PRAGMA table_info(threads)")]
            own = {
                "thread_id": "'t' || i",
                "searched": "'why ' || i",
                "updated_at": "'2026-01-01T00:00:00.' || (i % 7)",
            }
            told = ", ".join(own.get(name, name) for name in columns)
            database.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
                f"INSERT INTO threads SELECT {told} FROM n, one"
            )
        found = await names(threads, limit=200)
        assert (len(found), len(set(found)), found[0]) == (10_000, 10_000, "first")
        assert await names(threads, query="canteen") == ["first"]
        assert await names(threads, query="9876", owner="ann") == ["t9876"]
        assert len(await names(threads, query="why 12", limit=50)) == 299


async def test_every_report_of_a_thread_survives_a_restart(home: Path) -> None:
    async with service_of(home, scripted()) as service:
        first = await service.run(ask(thread="t", model=SLOW))
        second = await service.run(ask(OUTSIDE, thread="t", model=SLOW))
    async with service_of(home, scripted()) as service:
        view = await service.show("local", "t")
        assert [(run.run_id, run.question, run.status) for run in view.runs] == [
            (second.run_id, OUTSIDE, str(second.status)),
            (first.run_id, PRICE, str(first.status)),
        ]
        assert all(run.has_report and run.created < run.updated for run in view.runs)
        for report in (first, second):
            kept = await service.show_run("local", report.run_id)
            assert kept is not None
            assert kept.report == report
        assert await service.show_run("other", first.run_id) is None
        await service.delete("local", "t")
        assert await service.show_run("local", first.run_id) is None


async def test_a_home_of_an_earlier_release_is_brought_up_to_date(home: Path) -> None:
    async with service_of(home, scripted()) as service:
        first = await service.run(ask(thread="t", model=SLOW))
    with closing(sqlite3.connect(home / "threads.db")) as database, database:
        for statement in (
            "DROP TABLE runs",
            "DROP INDEX threads_recent",
            "DROP INDEX threads_owned",
            "ALTER TABLE threads DROP COLUMN title",
            "ALTER TABLE threads DROP COLUMN searched",
        ):
            database.execute(statement)
    async with service_of(home, scripted()) as service:
        (listed,) = (await service.threads("local", PageWanted(query="price tariff"))).threads
        assert (listed.title, listed.run_id) == (PRICE, first.run_id)
        second = await service.run(ask(OUTSIDE, thread="t", model=SLOW))
        # The report of the first run is in the checkpoints alone, and is found there.
        for report in (first, second):
            kept = await service.show_run("local", report.run_id)
            assert kept is not None
            assert kept.report == report
    with closing(sqlite3.connect(home / "threads.db")) as database:
        indexes = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert {index.name for index in table.indexes} <= indexes


async def test_an_earlier_report_is_read_over_http_by_its_owner_alone(home: Path) -> None:
    async with served(home, scripted()) as url, client(url) as ann:
        first = (await ann.post("/v1/chat", json=chat(thread="t", model=SLOW))).json()
        await ann.post("/v1/chat", json=chat(OUTSIDE, thread="t", model=SLOW))
    async with (
        served(home, scripted()) as url,
        client(url) as ann,
        client(url, "bob") as bob,
        client(url, "root") as root,
    ):
        runs = (await ann.get("/v1/threads/t")).json()["runs"]
        assert [run["question"] for run in runs] == [OUTSIDE, PRICE]
        for reader in (ann, root):
            answer = await reader.get(f"/v1/runs/{runs[1]['run_id']}")
            assert answer.json()["report"] == first
        refused = await bob.get(f"/v1/runs/{runs[1]['run_id']}")
        assert (refused.status_code, refused.json()["code"]) == (404, RunMissing.code)
        found = (await ann.get("/v1/threads", params={"q": "uruguay", "limit": 1})).json()
        assert [each["title"] for each in found["threads"]] == [PRICE]
        assert found["next"] is None
        assert (await bob.get("/v1/threads", params={"q": "uruguay"})).json()["threads"] == []
        assert len((await root.get("/v1/threads")).json()["threads"]) == 1
        wrong = await ann.get("/v1/threads", params={"cursor": "x"})
        assert wrong.status_code == 422
