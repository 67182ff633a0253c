"""The rate limits that all workers share, without a cluster: the actor is called as Ray would call it."""

import asyncio
from types import SimpleNamespace

import pytest

from experience.batch.on_ray import limits
from experience.batch.on_ray.limits import SharedLimits, shared_limiter
from gateway.limiter import RateLimiter
from state.errors import PromptTooLong


class Handle:
    """Calls the actor on this loop; a call is a task, as a call through Ray is a future."""

    def __init__(self, actor):
        for name in ("acquire", "settle", "throttled", "succeeded"):
            call = getattr(actor, name)
            setattr(self, name, SimpleNamespace(remote=lambda *given, call=call: asyncio.create_task(call(*given))))


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(limits, "_cancel", lambda asking: asking.cancel())
    handle = Handle(SharedLimits(restarted=False))

    def of(requests, characters):
        return [shared_limiter(handle, ("p", "m", requests, characters)) for _ in range(2)]

    return of


async def settled(tasks):
    """Let the loop run until nothing moves; the window of a minute does not end meanwhile."""
    for _ in range(50):
        await asyncio.sleep(0)
    return [task for task in tasks if task.done()]


async def test_all_workers_together_send_no_more_requests_than_one_process_might(workers):
    first, second = workers(7, None)
    asking = [asyncio.create_task(each.acquire(10)) for _ in range(5) for each in (first, second)]
    assert len(await settled(asking)) == 7
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_all_workers_together_send_no_more_characters_and_what_one_spares_serves_another(workers):
    first, second = workers(None, 1_000)
    admitted = await first.acquire(800)
    waiting = asyncio.create_task(second.acquire(700))
    assert await settled([waiting]) == []
    admitted.settle(100)
    assert await settled([waiting]) == [waiting]
    # The whole limit admits it, which a share of a half would not.
    with pytest.raises(PromptTooLong, match="1000 per minute"):
        await first.acquire(1_001)


async def test_a_worker_that_gives_up_waiting_leaves_its_turn_to_the_next(workers):
    first, second = workers(None, 1_000)
    held = await first.acquire(1_000)
    gone, waiting = (asyncio.create_task(each.acquire(400)) for each in (first, second))
    await settled([])
    gone.cancel()
    held.settle(600)
    assert waiting in await settled([waiting])
    assert gone.cancelled()


async def test_a_429_of_one_worker_pauses_all(workers):
    first, second = workers(100, None)
    first.throttled(60.0)
    await settled([])
    waiting = asyncio.create_task(second.acquire(1))
    assert await settled([waiting]) == []
    waiting.cancel()


async def test_limits_that_were_lost_admit_nothing_for_a_window(monkeypatch):
    monkeypatch.setattr(limits, "_cancel", lambda asking: asking.cancel())
    handle = Handle(SharedLimits(restarted=True))
    waiting = asyncio.create_task(shared_limiter(handle, ("p", "m", 5, None)).acquire(1))
    assert await settled([waiting]) == []
    waiting.cancel()


def test_a_model_without_limits_asks_nobody():
    assert isinstance(shared_limiter(None, ("p", "m", None, None)), RateLimiter)
