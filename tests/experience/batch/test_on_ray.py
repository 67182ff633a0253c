"""What only an engine of several processes can get wrong. `tests/crash/test_batch_ray.py` always runs a small case."""

import os
import signal
import time
from contextlib import asynccontextmanager
from functools import partial

import pytest

from experience.batch import BatchJob, JobOptions
from experience.batch.on_ray import RayEngine
from gateway.scripted import read_calls
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.roles import plan, scripted
from tests.experience.batch.cases import CONTEXT, Case, asking, collected

pytestmark = pytest.mark.long


def killing(fields, evidence):
    """End the process of the worker, always for the same row."""
    if "number 1" in fields["question"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return plan(fields, evidence)


def together(log, fields, evidence):
    """Plan once both workers have asked, so that one that starts first does not take all."""
    while len({call.pid for call in read_calls(log)}) < 2:
        time.sleep(0.05)
    return plan(fields, evidence)


@asynccontextmanager
async def broken(_):
    raise SettingsInvalid("no such bucket", hint="name one")
    yield


async def test_two_workers_share_the_limit_of_one(cluster, tmp_path):
    limits = {"preset": "none", "providers": ("given",), "requests_per_minute": 6}
    log = tmp_path / "calls.jsonl"
    model = scripted(ResearchPlan=partial(together, log), log=log)
    case = Case(tmp_path, model, engine="ray", limits=limits, models={"deadline_seconds": 20.0}).write(*asking(6))
    ended, summary = await case.run(concurrency=6)
    calls = [call for call in read_calls(case.log) if call.event == "asked"]
    assert len({call.pid for call in calls}) == 2
    assert len(calls) == 6
    assert summary.failed_by_code.keys() <= {"model_unavailable"}
    assert len(ended) == 6


async def test_a_row_that_ends_its_worker_fails_after_a_while_and_ends_no_other(cluster, tmp_path):
    case = Case(tmp_path, scripted(ResearchPlan=killing, log=tmp_path / "calls.jsonl"), engine="ray")
    ended, summary = await case.write(*asking(3)).run(concurrency=1)
    assert [ended[line].status for line in (1, 2, 3)] == ["done", "failed", "done"]
    assert (ended[2].error.code, ended[2].resumable) == ("dependency_unavailable", True)
    assert "3 workers were lost" in ended[2].error.message
    assert summary.exit_status == 5
    case.model = scripted(log=case.log)
    retried, summary = await case.run(retry_failed=True)
    assert (retried[2].status, retried[2].run_id) == ("done", ended[2].run_id)
    assert summary.counts["done"] == 3


async def test_a_service_that_no_worker_can_open_ends_the_job_with_the_reason(cluster, tmp_path):
    case = Case(tmp_path).write(*asking(2))
    async with case.opened() as service:
        engine = RayEngine(service, 2, 2, partial(broken))
        job = BatchJob(service, engine, JobOptions(case.source, case.out, CONTEXT))
        with pytest.raises(DependencyUnavailable, match="no such bucket") as told:
            await collected(job)
    assert told.value.hint == "name one"
    assert case.recorded() == []
