"""Which rows of a batch wait, while others are with their models."""

import asyncio
from collections import Counter
from unittest.mock import create_autospec

from experience.batch import BatchJob, JobOptions, open_engine
from experience.batch.places import WITHOUT_MODELS, Places
from experience.service.events import NodeStarted, RunEvent, RunStarted
from gateway.scripted import ScriptedChatModel
from graphs.research import build_research_graph
from nodes import Collaborators
from tests.doubles.roles import scripted
from tests.experience.batch.cases import CONTEXT, QUESTION, Case, collected

STEPS = ("guard_input", "researcher", "writer", "guard_output", "publish")


async def run(events: list[str], name: str, goes_on: asyncio.Event | None = None):
    """Yield the events of a run, whose writer waits for its model."""
    yield RunStarted(sequence=1, thread_id=name, run_id=name, trace_id=name)
    for step in STEPS:
        yield NodeStarted(sequence=1, node=step)
        events.append(f"{name} {step}")
        if step == "writer" and goes_on is not None:
            await goes_on.wait()


async def consumed(events: object) -> list[RunEvent]:
    return [event async for event in events]


async def turns() -> None:
    """Let the other tasks go on until they wait for something."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_run_begins_and_ends_while_others_are_with_their_models():
    places, done, answers = Places(1), [], [asyncio.Event(), asyncio.Event()]
    first, second = (
        asyncio.create_task(consumed(places.kept(run(done, name, answer))))
        for name, answer in zip("ab", answers, strict=True)
    )
    await turns()
    assert done == ["a guard_input", "a researcher", "a writer", "b guard_input"]
    answers[0].set()
    assert len(await first) == 1 + len(STEPS)
    await asyncio.sleep(0)
    assert done[4:] == ["a guard_output", "a publish", "b researcher", "b writer"]
    answers[1].set()
    assert len(await second) == 1 + len(STEPS)


async def test_a_run_that_is_cancelled_or_fails_gives_its_place_back():
    async def fails(error: Exception | None):
        yield NodeStarted(sequence=1, node="researcher")
        if error:
            raise error
        await asyncio.Event().wait()

    places = Places(1)
    cancelled = asyncio.create_task(consumed(places.kept(fails(None))))
    await turns()
    cancelled.cancel()
    failed = await asyncio.gather(cancelled, consumed(places.kept(fails(KeyError()))), return_exceptions=True)
    assert [type(each) for each in failed] == [asyncio.CancelledError, KeyError]
    assert await consumed(places.kept(run([], "c")))


def test_the_nodes_without_models_are_nodes_of_the_graph():
    assert set(build_research_graph(create_autospec(Collaborators, instance=True)).nodes) > WITHOUT_MODELS


async def test_no_more_rows_are_with_their_models_than_run_at_once(tmp_path):
    asked, most = Counter(), Counter()

    class Counted(ScriptedChatModel):
        async def _agenerate(self, messages, stop=None, run_manager=None, **given):
            asked["now"] += 1
            most["rows"] = max(most["rows"], asked["now"])
            try:
                await asyncio.sleep(0.01)
                return await super()._agenerate(messages, stop, run_manager, **given)
            finally:
                asked["now"] -= 1

    case = Case(tmp_path, Counted(script=scripted().script, model_name="m"))
    case.write(*({"question": f"{QUESTION} number {number}"} for number in range(9)))
    async with case.opened() as service:
        job = BatchJob(service, open_engine("local", service, 4), JobOptions(case.source, case.out, CONTEXT))
        assert {outcome.status for outcome in await collected(job)} == {"done"}
    assert most["rows"] <= 4
