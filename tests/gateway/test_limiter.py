"""The rate limiter: both limits in every moving window, first come, first served, whoever is cancelled or dies."""

import asyncio
import heapq
import threading
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.limiter import MAX_ASKED_SECONDS, MAX_PAUSE_SECONDS, RateLimiter, limiter_of
from state.errors import PromptTooLong
from tests.doubles.waiting import safely, simulated


class VirtualTime:
    """A clock that moves to the next sleeper once every task waits. A sleep is `late`, or early by half at most."""

    def __init__(self, late=(0.0,)):
        self.now = 0.0
        self._late, self._sleeps, self._sleepers = late, 0, []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self._sleeps += 1
        due = self.now + max(seconds + self._late[self._sleeps % len(self._late)], seconds / 2)
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (due, self._sleeps, future))
        await future

    async def settle(self):
        """Let every task run until it waits."""
        while True:
            await asyncio.sleep(0)
            if not asyncio.get_running_loop()._ready:
                return

    async def advance(self, until):
        """Wake every sleeper that is due up to `until`, at its own instant."""
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, future = heapq.heappop(self._sleepers)
            self.now = max(self.now, due)
            if not future.done():
                future.set_result(None)
            await self.settle()
        self.now = max(self.now, until)


class Callers:
    """Tasks that ask one limiter, and when they were admitted: (instant, number, characters)."""

    def __init__(self, virtual, **limits):
        self.virtual = virtual
        self.limiter = RateLimiter(clock=virtual.clock, sleep=virtual.sleep, **limits)
        self.grants, self.waited, self.places, self.tasks = [], {}, {}, []

    def ask(self, characters=1):
        number = len(self.tasks)

        async def one():
            grant = await self.limiter.acquire(characters)
            self.waited[number], self.places[number] = grant.waited, grant
            self.grants.append((self.virtual.now, number, characters))

        self.tasks.append(asyncio.get_running_loop().create_task(one()))
        return self.tasks[-1]

    @property
    def order(self):
        return [number for _, number, _ in self.grants]


def fullest_window(grants, window=60.0):
    """Return the most requests and the most characters of any window (t - 60, t]."""
    inside = [[size for at, _, size in grants if end - window < at <= end] for end, _, _ in grants]
    return max(map(len, inside), default=0), max(map(sum, inside), default=0)


arrivals = st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), min_size=1, max_size=40)
lateness = st.lists(st.floats(-0.5, 2), min_size=1, max_size=5)


@given(arrivals, st.integers(1, 8) | st.none(), st.integers(50, 120) | st.none(), lateness)
@example([(0.1, 1)] * 30, 3, None, [-1e-9, 1e-9])
def test_no_window_exceeds_either_limit_and_nobody_is_overtaken(arrivals, requests, characters, late):
    async def simulate():
        callers = Callers(VirtualTime(late), requests_per_minute=requests, characters_per_minute=characters)
        for pause, size in arrivals:
            callers.ask(size)
            await callers.virtual.advance(callers.virtual.now + pause)
        await callers.virtual.advance(1e5)
        return callers

    callers = simulated(simulate)
    most_requests, most_characters = fullest_window(callers.grants)
    assert most_requests <= (requests or 1_000)
    assert most_characters <= (characters or 10_000)
    assert callers.order == list(range(len(arrivals)))
    assert not callers.limiter._waiting


@settings(max_examples=10)
@given(st.sampled_from([(20, None), (None, 200), (25, 1_000)]), st.lists(st.integers(1, 4), min_size=1, max_size=9))
def test_at_least_98_percent_of_the_limit_is_used_under_saturation(limits, sizes):
    async def simulate():
        callers = Callers(VirtualTime(), requests_per_minute=limits[0], characters_per_minute=limits[1])
        for index in range(1_200 if limits[0] is None else 200):
            callers.ask(sizes[index % len(sizes)])
        await callers.virtual.advance(5 * 60 - 1)
        for task in callers.tasks:
            task.cancel()
        return callers.grants

    grants = simulated(simulate)
    used = [len(grants) / (5 * limits[0]) if limits[0] else 0.0]
    used += [sum(size for _, _, size in grants) / (5 * limits[1])] if limits[1] else []
    assert max(used) >= 0.98
    assert max(used) <= 1.0


async def test_a_hundred_tasks_keep_to_600_a_minute_for_three_minutes():
    virtual = VirtualTime()
    limiter = RateLimiter(requests_per_minute=600, characters_per_minute=None, clock=virtual.clock, sleep=virtual.sleep)
    grants = []

    async def keep_asking():
        while True:
            await limiter.acquire(10)
            grants.append((virtual.now, 0, 10))
            await virtual.sleep(0.5)

    tasks = [asyncio.create_task(keep_asking()) for _ in range(100)]
    await virtual.advance(179.0)
    for task in tasks:
        task.cancel()
    assert fullest_window(grants)[0] == 600
    assert 0.98 * 1800 <= len(grants) <= 1800


async def test_a_request_that_fits_does_not_wait():
    callers = Callers(VirtualTime(), requests_per_minute=2, characters_per_minute=100)
    callers.ask(100)
    callers.ask(1)
    await callers.virtual.advance(1.0)
    assert callers.waited == {0: 0.0}
    await callers.virtual.advance(61.0)
    assert callers.waited[1] == pytest.approx(60.0, abs=0.01)


async def test_no_limit_admits_everybody_and_remembers_nobody():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=None)
    for _ in range(100):
        callers.ask(10_000_000)
    await callers.virtual.advance(0.0)
    assert len(callers.grants) == 100
    assert not callers.limiter._grants


async def test_grants_older_than_the_window_are_forgotten():
    callers = Callers(VirtualTime(), requests_per_minute=5, characters_per_minute=None)
    for _ in range(40):
        callers.ask()
        await callers.virtual.advance(callers.virtual.now + 15.0)
    assert len(callers.grants) == 40
    assert len(callers.limiter._grants) <= 5


@pytest.mark.parametrize("position", [1, 2, 3])
async def test_a_cancelled_waiter_leaves_and_the_next_one_comes(position):
    callers = Callers(VirtualTime(), requests_per_minute=1, characters_per_minute=None)
    tasks = [callers.ask() for _ in range(5)]
    await callers.virtual.advance(30.0)
    tasks[position].cancel()
    await callers.virtual.advance(1_000.0)
    assert tasks[position].cancelled()
    assert callers.order == [number for number in range(5) if number != position]
    assert [at for at, _, _ in callers.grants] == pytest.approx([0.0, 60.0, 120.0, 180.0], abs=0.1)


async def test_a_cancelled_head_that_was_too_large_makes_room_at_once():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=100)
    callers.ask(60)
    large = callers.ask(90)
    callers.ask(40)
    await callers.virtual.advance(10.0)
    large.cancel()
    await callers.virtual.advance(11.0)
    assert callers.order == [0, 2]
    assert callers.grants[1][0] == 10.0


async def test_all_waiters_cancelled_leave_an_empty_queue():
    callers = Callers(VirtualTime(), requests_per_minute=1, characters_per_minute=None)
    tasks = [callers.ask() for _ in range(50)]
    await callers.virtual.advance(1.0)
    for task in tasks:
        task.cancel()
    await callers.virtual.settle()
    assert callers.order == [0]
    assert not callers.limiter._waiting


def test_two_loops_in_two_threads_share_one_limiter():
    limiter = RateLimiter(requests_per_minute=5, characters_per_minute=None, window_seconds=0.2)
    grants = []

    async def work():
        async def one():
            grants.append(await limiter.acquire(1))

        await asyncio.gather(*(one() for _ in range(10)))

    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(2)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(grants) == 20
    assert time.monotonic() - began >= 0.6  # 20 of 5 in each window: three windows have to pass
    assert not limiter._waiting


@pytest.mark.parametrize("closed", [True, False])
def test_a_waiter_of_a_dead_loop_does_not_block_the_others(closed):
    limiter = RateLimiter(requests_per_minute=1, characters_per_minute=None, window_seconds=0.1)
    dead = asyncio.new_event_loop()

    async def leave_waiters():
        await limiter.acquire(1)
        left = [dead.create_task(limiter.acquire(1)) for _ in range(2)]
        await asyncio.sleep(0.01)
        return left

    left = dead.run_until_complete(leave_waiters())
    assert len(limiter._waiting) == 2
    if closed:
        dead.close()
    asyncio.run(safely(limiter.acquire(1)))
    if not closed:  # it was no death: whoever comes back is served behind the others
        assert dead.run_until_complete(safely(asyncio.gather(*left)))
        dead.close()
    assert not limiter._waiting
    for task in left:
        task._log_destroy_pending = False


def test_a_closed_loop_in_the_middle_is_passed_over_when_its_turn_comes():
    limiter = RateLimiter(requests_per_minute=1, characters_per_minute=None, window_seconds=0.3)
    dead = asyncio.new_event_loop()

    async def first_in_line():
        await limiter.acquire(1)
        head = asyncio.ensure_future(limiter.acquire(1))
        await asyncio.sleep(0)
        left.append(await asyncio.to_thread(join_and_die))
        tail = asyncio.ensure_future(limiter.acquire(1))
        await safely(asyncio.gather(head, tail))

    def join_and_die():
        task = dead.create_task(limiter.acquire(1))
        dead.run_until_complete(asyncio.sleep(0.01))
        dead.close()
        return task

    left = []
    asyncio.run(first_in_line())
    assert not limiter._waiting
    left[0]._log_destroy_pending = False


async def test_a_refusal_pauses_everybody_and_longer_each_time():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=None)
    waits = []
    for _ in range(9):
        callers.limiter.throttled()
        callers.ask()
        await callers.virtual.advance(callers.virtual.now + 60.0)
        waits.append(callers.waited[len(waits)])
    for step, wait in enumerate(waits):
        longest = min(0.5 * 2**step, MAX_PAUSE_SECONDS)
        assert longest / 2 <= wait <= longest
    assert waits[-1] >= MAX_PAUSE_SECONDS / 2


async def test_refusals_of_one_burst_count_once():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=None)
    for _ in range(20):
        callers.limiter.throttled()
    callers.ask()
    await callers.virtual.advance(60.0)
    assert 0.25 <= callers.waited[0] <= 0.5


async def test_the_provider_s_own_pause_goes_before_a_shorter_one():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=None)
    callers.limiter.throttled(retry_after=37.0)
    callers.limiter.throttled(retry_after=3.0)
    callers.ask()
    await callers.virtual.advance(36.9)
    assert callers.waited == {}
    await callers.virtual.advance(40.0)
    assert callers.waited[0] == pytest.approx(37.0, abs=0.01)


async def test_a_provider_cannot_ask_for_a_pause_without_end():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=None)
    callers.limiter.throttled(retry_after=86_400.0)
    callers.ask()
    await callers.virtual.advance(MAX_ASKED_SECONDS + 1)
    assert callers.waited[0] == pytest.approx(MAX_ASKED_SECONDS, abs=0.01)


async def test_a_pause_that_begins_while_the_head_sleeps_holds_it_back():
    callers = Callers(VirtualTime(), requests_per_minute=1, characters_per_minute=None)
    callers.ask()
    callers.ask()
    await callers.virtual.advance(59.0)
    callers.limiter.throttled(retry_after=30.0)
    await callers.virtual.advance(200.0)
    assert callers.waited[1] == pytest.approx(89.0, abs=0.01)


async def test_success_takes_the_back_off_back_step_by_step():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=None)
    for _ in range(4):
        callers.limiter.throttled()
        callers.virtual.now += 60.0
    for _ in range(3):
        callers.limiter.succeeded()
    callers.limiter.throttled()
    callers.ask()
    await callers.virtual.advance(callers.virtual.now + 60.0)
    assert 0.5 <= callers.waited[0] <= 1.0
    for _ in range(9):
        callers.limiter.succeeded()
    callers.limiter.throttled()
    callers.ask()
    await callers.virtual.advance(callers.virtual.now + 60.0)
    assert callers.waited[1] <= 0.5


async def test_a_call_that_took_less_than_planned_makes_room_at_once():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=100)
    callers.ask(100)
    callers.ask(70)
    callers.ask(10)
    await callers.virtual.advance(5.0)
    callers.places[0].settle(30)
    await callers.virtual.advance(6.0)
    assert callers.grants == [(0.0, 0, 100), (5.0, 1, 70)]
    await callers.virtual.advance(61.0)
    assert callers.grants[2][0] == pytest.approx(60.0, abs=0.01)


async def test_a_place_is_settled_downward_only_and_only_while_its_window_is_open():
    callers = Callers(VirtualTime(), requests_per_minute=None, characters_per_minute=100)
    callers.ask(40)
    await callers.virtual.advance(1.0)
    callers.places[0].settle(90)
    assert callers.places[0].characters == callers.limiter._characters == 40
    await callers.virtual.advance(100.0)
    callers.ask(100)
    await callers.virtual.advance(100.0)
    callers.places[0].settle(0)
    assert callers.limiter._characters == 100
    callers.places[1].settle(20)
    callers.places[1].settle(0)
    assert callers.limiter._characters == 0


async def test_a_request_beyond_the_whole_limit_is_refused_with_the_remedy():
    limiter = RateLimiter(requests_per_minute=None, characters_per_minute=1_000)
    with pytest.raises(PromptTooLong) as caught:
        await limiter.acquire(1_001)
    assert "1001" in caught.value.message
    assert "1000" in caught.value.message
    assert "SIXPLANE_LIMITS__CHARACTERS_PER_MINUTE" in caught.value.hint
    assert (await limiter.acquire(1_000)).waited < 1


@pytest.mark.parametrize("limits", [(0, None), (None, 0), (-1, 5), (5, -1)])
def test_a_limit_below_one_is_an_error(limits):
    with pytest.raises(ValueError, match="at least 1"):
        RateLimiter(requests_per_minute=limits[0], characters_per_minute=limits[1])


def test_the_process_has_one_limiter_for_each_model_and_limit():
    one = limiter_of("test", "m", 10, None)
    assert limiter_of("test", "m", 10, None) is one
    assert limiter_of("test", "other", 10, None) is not one
    assert limiter_of("test", "m", 20, None) is not one
