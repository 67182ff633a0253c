"""The engine port and its local adapter."""

import asyncio
import logging
import sys

import pytest

from experience.batch import ENGINES, BatchError, BatchOutcome, BatchTask, LocalEngine, open_engine
from experience.batch.on_ray import RayEngine
from experience.batch.on_ray.crew import read_reply
from experience.batch.on_ray.engine import witness
from experience.batch.on_ray.row_worker import Opening, RowWorker
from settings import Settings
from settings.connections.ray_cluster import RayCluster
from state.errors import BadInput, DependencyUnavailable


def task(number):
    return BatchTask(
        key=f"{number:064x}",
        line=number,
        tenant="local",
        thread_id=f"t{number}",
        run_id="r",
        fault=BatchError(code="bad_input", message="x"),
    )


class Idle:
    """A service whose rows are all faulty, so that nothing is asked."""

    def request_drain(self, reason):
        pass


async def test_tasks_are_pulled_only_as_outcomes_are_taken():
    pulled = 0

    async def tasks():
        nonlocal pulled
        for number in range(1, 101):
            pulled += 1
            yield task(number)

    outcomes = LocalEngine(Idle(), 3).run(tasks())
    assert (await anext(outcomes)).line == 1
    await asyncio.sleep(0.05)
    assert pulled <= 1 + 3 + 3 + 3
    rest = [outcome.line async for outcome in outcomes]
    assert sorted(rest) == list(range(2, 101))


async def test_an_error_of_the_tasks_reaches_the_consumer_after_the_outcomes():
    async def tasks():
        yield task(1)
        raise BadInput("torn")

    outcomes = LocalEngine(Idle(), 1).run(tasks())
    assert (await anext(outcomes)).line == 1
    with pytest.raises(BadInput, match="torn"):
        await anext(outcomes)


async def test_a_drained_engine_starts_nothing():
    engine = LocalEngine(Idle(), 2)

    async def tasks():
        for number in range(1, 101):
            yield task(number)

    outcomes = engine.run(tasks())
    await anext(outcomes)
    engine.drain("SIGTERM")
    assert len([outcome async for outcome in outcomes]) < 12


def test_what_an_engine_takes_and_gives_goes_through_json():
    outcome = BatchOutcome(key="k", line=1, status="done", thread_id="t", run_id="r", started_at="x", seconds=0.1)
    assert BatchTask.model_validate_json(task(1).model_dump_json()) == task(1)
    assert BatchOutcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_an_engine_that_is_not_there_is_told_with_what_is(monkeypatch):
    assert isinstance(open_engine("local", Idle(), 1), LocalEngine)
    assert isinstance(open_engine("ray", Idle(), 1), RayEngine)
    with pytest.raises(BadInput) as unknown:
        open_engine("spark", Idle(), 1)
    assert all(name in unknown.value.hint for name in ENGINES)
    with pytest.raises(BadInput, match="no workers"):
        open_engine("local", Idle(), 1, workers=2)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyUnavailable, match="`ray` is not installed") as missing:
        open_engine("ray", Idle(), 1)
    assert "sixplane[ray]" in missing.value.hint
    assert "--engine local" in missing.value.hint


def test_a_client_server_of_ray_is_refused_with_what_can_be_used(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(BadInput, match="RAY_ADDRESS") as refused:
        open_engine("ray", Idle(), 1)
    assert "node of the cluster" in refused.value.hint


@pytest.mark.parametrize(
    ("settings", "cluster", "refused"),
    [
        (Settings(), RayCluster(own=False, nodes=2, cpus=8), True),
        (Settings(profile="oracle"), RayCluster(own=False, nodes=2, cpus=8), False),
        (Settings(), RayCluster(own=False, nodes=1, cpus=8), False),
        (Settings(), RayCluster(own=True, nodes=1, cpus=8), False),
    ],
)
def test_a_home_folder_serves_the_nodes_of_one_machine(settings, cluster, refused, tmp_path):
    settings = settings.model_copy(update={"home": tmp_path})
    if refused:
        with pytest.raises(BadInput, match="2 nodes") as told, witness(settings, cluster):
            pass
        assert "SIXPLANE_PROFILE=oracle" in told.value.hint
        return
    with witness(settings, cluster) as seen:
        needed = settings.profile == "embedded" and not cluster.own
        assert (seen is not None) == needed
        assert seen is None or seen.exists()
    assert list(tmp_path.iterdir()) == []


async def test_a_worker_tells_what_it_has_logged_without_its_traceback(caplog):
    worker = RowWorker(Opening(Settings(), broken, "another", None))
    try:
        logging.getLogger("gateway.any").warning("a line", exc_info=ValueError("Falcon"))
        reply = read_reply(await worker.ready())
    finally:
        logging.getLogger().removeHandler(worker.log)
    assert [(line.logger, line.message) for line in reply.log] == [("gateway.any", "a line")]
    assert "the node has release" in reply.error.message
    assert caplog.messages.count("a line") == 2  # here, and as the command repeats it


def broken(settings):
    raise AssertionError("a worker of another release opens nothing")
