"""Streams of events that their reader leaves before the end: the run is cancelled, and nothing is printed at exit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from langgraph.runtime import RunControl
from opentelemetry import trace

from experience.service.leg import Legs
from tests.experience.service.helpers import SLOW, ask, events_of, held_plan, service_of, until_started

SCRIPT = """
import asyncio
import sys
from pathlib import Path

from experience.service import ResearchRequest, open_service
from settings import Settings
from state.channels import ResearchContext


async def main():
    async with open_service(Settings(home=Path(sys.argv[1]))) as service:

        def stream(thread):
            context = ResearchContext(corpus="small")
            return service.stream(ResearchRequest(question="What costs 12 dollars?", thread_id=thread, context=context))

        async for event in stream("left"):
            if event.type == "node_finished":
                break
        kept = stream("kept")
        async for event in kept:
            if event.type == "node_started":
                break
        never = stream("never")
        async for event in stream("failed"):
            raise SystemExit(3)


asyncio.run(main())
"""


async def statuses(home: Path) -> dict[str, str]:
    async with service_of(home) as service:
        return {each.thread_id: each.status for each in (await service.threads("local")).threads}


def test_a_script_that_leaves_its_streams_prints_nothing_and_its_runs_can_be_resumed(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(home)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (3, "", "")
    assert asyncio.run(statuses(home)) == dict.fromkeys(("left", "kept", "failed"), "interrupted")


async def test_the_service_waits_for_streams_that_python_closes_and_leaves_those_that_a_task_reads(home: Path) -> None:
    model = held_plan()
    async with service_of(home, model) as service:
        read = service.stream(ask(thread="read", model=SLOW))
        await until_started(read, "researcher")
        reading = asyncio.create_task(events_of(read))
        async for _ in service.stream(ask(thread="left")):
            break
        await service.legs.close()
        assert not reading.done()
        found = {each.thread_id: each.status for each in (await service.threads("local")).threads}
        assert found == {"read": "running", "left": "interrupted"}
        model.release()
        assert (await reading)[-1].type == "report"


async def test_a_stream_that_a_task_asks_on_while_another_one_is_closed_is_left_to_the_task() -> None:
    legs, closing, asked = Legs(), asyncio.Event(), asyncio.Event()

    async def slow_to_close(_: RunControl) -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            closing.set()
            await asked.wait()

    async def asked_meanwhile(_: RunControl) -> AsyncGenerator[int]:
        yield 1
        asked.set()
        await closed.wait()
        yield 2

    closed = asyncio.Event()
    # The last one is closed first.
    read: Any = legs.stream(asked_meanwhile)  # type: ignore[arg-type]  # numbers stand for events
    left: Any = legs.stream(slow_to_close)  # type: ignore[arg-type]
    assert (await anext(read), await anext(left)) == (1, 1)
    ending = asyncio.create_task(legs.close())
    await closing.wait()
    reading = asyncio.create_task(anext(read))
    await ending
    closed.set()
    assert await reading == 2


@pytest.mark.parametrize("resumed", [False, True])
async def test_the_span_of_a_run_is_not_that_of_its_reader(home: Path, resumed: bool) -> None:
    async with service_of(home) as service:
        events = service.stream(ask(thread="t"))
        if resumed:
            await anext(events)
            await events.aclose()
            events = service.resume("local", "t")
        seen = [(event.type, trace.get_current_span().get_span_context().is_valid) async for event in events]
    assert seen[-1] == ("report", False)
    assert {valid for _, valid in seen} == {False}
