"""A new run on a thread starts as on an empty thread: every channel of one run is reset, also the next one we add."""

from __future__ import annotations

import uuid
from typing import Any, get_type_hints

import pytest

from state.channels import ResearchContext, ResearchState
from tests.state.test_channels import FULL_STATE

OUTLIVE_A_RUN = {"messages", "history"}
SPENT = {"noticed", "question", "refusal"}
"""Inputs, which `publish` clears: the state that `guard_input` sees already holds those of the new run."""
PER_RUN = sorted(set(get_type_hints(ResearchState)) - OUTLIVE_A_RUN)
RUN = uuid.UUID(int=7)
INPUTS: dict[str, dict[str, Any]] = {
    "answerable": {"question": "When did the Falcon project start?"},
    "refused": {
        "question": "Is the chiming of bells allowed?",
        "refusal": FULL_STATE["refusal"],
        "noticed": FULL_STATE["noticed"],
    },
}


async def after_guard_input(graph: Any, given: dict[str, Any], thread: str, left: dict[str, Any]) -> dict[str, Any]:
    """Return the channels after `guard_input` of a new run, on a thread where an earlier run left `left`."""
    config: Any = {"configurable": {"thread_id": f"local/{thread}"}, "run_id": RUN}
    if left:
        await graph.aupdate_state(config, left, as_node="publish")
    context = ResearchContext(model="scripted:m")
    await graph.ainvoke(given, config, context=context, interrupt_after=["guard_input"], durability="sync")
    return dict((await graph.aget_state(config)).values)


@pytest.fixture(params=sorted(INPUTS))
async def runs(request: Any, build: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the channels on an empty thread, and on one where the last run filled every channel of its own."""
    graph, given = build(), INPUTS[request.param]
    left = {name: value for name, value in FULL_STATE.items() if name not in OUTLIVE_A_RUN | SPENT}
    empty, used = (
        await after_guard_input(graph, given, "empty", {}),
        await after_guard_input(graph, given, "used", left),
    )
    for state in (empty, used):
        state["timings_ms"] = set(state["timings_ms"])  # which nodes were timed; the milliseconds differ
    return empty, used


async def test_a_new_run_on_a_used_thread_starts_as_on_an_empty_one(runs: Any) -> None:
    empty, used = runs
    assert {name: used.get(name) for name in PER_RUN} == {name: empty.get(name) for name in PER_RUN}


def test_the_earlier_run_fills_every_channel_of_its_own() -> None:
    assert set(PER_RUN) <= set(FULL_STATE)
    assert all(FULL_STATE[name] for name in PER_RUN)


@pytest.mark.parametrize("given", sorted(INPUTS))
async def test_a_finished_run_leaves_no_input_to_the_next(build: Any, given: str) -> None:
    graph, config = build(), {"configurable": {"thread_id": "local/spent"}, "run_id": RUN}
    await graph.ainvoke(INPUTS[given], config, context=ResearchContext(model="scripted:m"))
    values = (await graph.aget_state(config)).values
    assert not any(values[name] for name in SPENT)


@pytest.mark.parametrize("kept", sorted(OUTLIVE_A_RUN))
async def test_what_outlives_a_run_is_kept(build: Any, kept: str) -> None:
    found = await after_guard_input(build(), INPUTS["answerable"], kept, {kept: FULL_STATE[kept]})
    assert list(found[kept]) == list(FULL_STATE[kept])  # type: ignore[call-overload]
