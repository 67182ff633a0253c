"""What a role's calls used, as the node's wrapper sees it."""

import asyncio

import pytest

from gateway import Answer
from gateway.ledger.role_usage import by_role, collected_usage, with_rest
from state.errors import ModelUnavailable
from state.values import Usage
from tests.gateway.asked import DOWN, PLAN, RESERVED, Asked


@pytest.fixture(autouse=True)
def _no_waiting(waits):
    """Take no time for back-off."""


async def test_a_call_and_its_repair_count_for_the_role(tmp_path):
    asked = Asked(tmp_path, Answer("no", usage=(10, 5)), Answer(PLAN, usage=(20, 7)))
    with collected_usage() as used:
        await asked.plan()
    assert by_role(used) == {"researcher": await asked.usage()}
    assert (by_role(used)["researcher"].calls, by_role(used)["researcher"].cost_micro_usd) == (2, 42)


async def test_failed_attempts_count_as_the_ledger_counts_them(tmp_path):
    asked = Asked(tmp_path, Answer(raises=DOWN), Answer(PLAN, delay=30), timeout_seconds=0.05, max_attempts=2)
    with collected_usage() as used, pytest.raises(ModelUnavailable):
        await asked.plan()
    assert by_role(used) == {"researcher": await asked.usage()}
    assert by_role(used)["researcher"] == Usage(calls=2, cost_micro_usd=RESERVED)


async def test_an_answer_from_the_memo_of_a_dead_process_counts_once(tmp_path):
    await Asked(tmp_path, Answer(PLAN, usage=(10, 5))).plan()
    after = Asked(tmp_path)
    with collected_usage() as used:
        await after.plan()
        await after.plan()
    assert after.calls == 0
    assert by_role(used) == {"researcher": await after.usage()}


async def test_equal_calls_at_once_count_once(tmp_path):
    asked = Asked(tmp_path, Answer(PLAN, usage=(10, 5), delay=0.02))
    with collected_usage() as used:
        await asyncio.gather(*(asked.plan() for _ in range(3)))
    assert by_role(used) == {"researcher": await asked.usage()}


async def test_what_is_used_outside_the_block_is_not_collected(tmp_path):
    asked = Asked(tmp_path, PLAN, PLAN)
    with collected_usage() as used:
        pass
    await asked.plan()
    assert by_role(used) == {}
    assert (await asked.usage()).calls == 1


def test_the_parts_add_up_to_the_whole():
    writer, whole = Usage(calls=2, cost_micro_usd=10), Usage(calls=3, input_chars=5, cost_micro_usd=10)
    assert with_rest({"writer": writer}, writer) == {"writer": writer}
    assert with_rest({"writer": writer}, whole) == {"writer": writer, "other": Usage(calls=1, input_chars=5)}
    assert with_rest({"writer": whole}, writer) == {"writer": whole}
