"""The connection breaks at a COMMIT, before it took effect or after: the table of threads finds out, and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from experience.service.threads import Threads
from settings import Settings
from state.channels import ResearchContext
from state.errors import DependencyUnavailable, OutcomeUnknown, ThreadBusy, ThreadMissing
from tests.doubles.oracle.commits import breaking_engine
from tests.experience.reports import make_report
from tests.experience.service.kept.test_threads import SPAN

Opened = tuple[Threads, list[bool]]


@pytest.fixture(params=["sqlite", "postgres", "oracle"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    """The table, and its next commits that break."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    settings = Settings(home=tmp_path)
    engine, commits = breaking_engine(settings, "threads.db", sparing=request.param == "oracle")
    threads = Threads(settings, lease_seconds=60, engine=engine)
    await threads.setup()
    yield threads, commits
    await threads.aclose()
    engine.dispose()


@pytest.mark.parametrize("took_effect", [False, True])
async def test_a_run_begins_is_taken_up_and_ends_once(opened: Opened, took_effect: bool) -> None:
    threads, commits = opened
    for run in ("one", "two"):  # on a new thread, and on one that was there
        commits.append(took_effect)
        lease = await threads.start("local", "t", run, "Why?", ResearchContext(), None, SPAN)
        assert (await threads.get("local", "t")).live
        with pytest.raises(ThreadBusy):
            await threads.start("local", "t", "other", "Why?", ResearchContext(), None, SPAN)
        commits.append(took_effect)
        await threads.settle(lease, run, "answered", report=make_report())
        assert not (await threads.get("local", "t")).live
    stored = await threads.runs("local", "t")
    assert {each.run_id: (each.status, each.has_report) for each in stored} == dict.fromkeys(
        ("one", "two"), ("answered", True)
    )
    commits.append(took_effect)
    taken, lease = await threads.take("local", "t")
    assert taken.record.run_id == "two"
    with pytest.raises(ThreadBusy):
        await threads.take("local", "t")
    commits.append(took_effect)
    await threads.remove(lease)
    with pytest.raises(ThreadMissing):
        await threads.get("local", "t")
    assert commits == []


async def test_a_second_loss_is_told(opened: Opened) -> None:
    threads, commits = opened
    commits += [False, True]
    with pytest.raises(OutcomeUnknown, match="lost while"):
        await threads.start("local", "t", "one", "Why?", ResearchContext(), None, SPAN)
    assert (await threads.get("local", "t")).record.run_id == "one"


async def test_only_a_thread_that_exists_is_busy(opened: Opened) -> None:
    """A run's number that exists is no second run of the thread: nobody would wait in vain for it to end."""
    threads, _ = opened
    await threads.start("local", "t", "one", "Why?", ResearchContext(), None, SPAN)
    with pytest.raises(DependencyUnavailable) as caught:
        await threads.start("local", "u", "one", "Why?", ResearchContext(), None, SPAN)
    assert not isinstance(caught.value, ThreadBusy)
    with pytest.raises(ThreadMissing):
        await threads.get("local", "u")
