"""A guard that could not answer: nothing passes, and nobody is told that the policy refused."""

from __future__ import annotations

import asyncio
import threading

import pytest

from policy import GUARD_UNAVAILABLE, Action, Guard, GuardChain, Stage, Verdict, build_guards, refusal_of
from policy.classifier import model as classifier
from settings import load_settings
from settings.policy import PolicySettings
from settings.pools import CPU
from state.errors import GuardUnavailable


class Says(Guard):
    def __init__(self, action: Action) -> None:
        self.name, self._action = action.value, action

    async def check(self, text: str, stage: Stage) -> Verdict:
        return Verdict(action=self._action, policy=self.name, category="said")


class Raises(Guard):
    name = "raises"

    async def check(self, text: str, stage: Stage) -> Verdict:
        raise RuntimeError(text)


class Threaded(Guard):
    """Works in a thread for longer than its timeout, if it is asked to."""

    name = "threaded"

    def __init__(self, works: threading.Event | None = None) -> None:
        self._works = works

    async def check(self, text: str, stage: Stage) -> Verdict:
        if self._works is not None:
            await CPU.run(self._works.wait, 60)
        return await CPU.run(self.allow)


@pytest.mark.parametrize("stage", Stage)
async def test_an_outage_is_no_refusal(stage: Stage) -> None:
    verdict = (await GuardChain([Says(Action.ALLOW), Raises()], PolicySettings()).screen("hunter2", stage)).verdict
    assert (verdict.action, verdict.category) == (Action.REFUSE, GUARD_UNAVAILABLE)
    with pytest.raises(GuardUnavailable, match="`raises`") as caught:
        refusal_of(verdict, stage)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.retry_after


@pytest.mark.parametrize("order", [1, -1])
async def test_what_another_guard_refuses_is_refused_whatever_is_out_of_order(order: int) -> None:
    guards = [Raises(), Says(Action.REFUSE)][::order]
    verdict = (await GuardChain(guards, PolicySettings()).screen("x", Stage.QUESTION)).verdict
    assert refusal_of(verdict, Stage.QUESTION).policy == "refuse"


async def test_the_time_that_a_guard_waits_for_a_thread_does_not_count() -> None:
    free = threading.Event()
    busy = [asyncio.create_task(CPU.run(free.wait, 60)) for _ in range(CPU.threads)]
    screening = asyncio.create_task(
        GuardChain([Threaded()], PolicySettings(timeout_seconds=0.02)).screen("x", Stage.ANSWER)
    )
    await asyncio.wait({screening}, timeout=0.3)  # more than ten times its timeout
    free.set()
    await asyncio.gather(*busy)
    assert (await screening).verdict.action is Action.ALLOW


async def test_the_time_that_it_works_in_a_thread_counts() -> None:
    works = threading.Event()
    try:
        screening = await GuardChain([Threaded(works)], PolicySettings(timeout_seconds=0.02)).screen("x", Stage.ANSWER)
    finally:
        works.set()
    assert (screening.verdict.category, screening.verdict.reason) == (GUARD_UNAVAILABLE, "the guard timed out")


async def test_threads_that_never_come_free_are_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.chain.QUEUE_SECONDS", 0.05)
    free = threading.Event()
    busy = [asyncio.create_task(CPU.run(free.wait, 60)) for _ in range(CPU.threads)]
    try:
        screening = await GuardChain([Threaded()], PolicySettings(timeout_seconds=0.02)).screen("x", Stage.ANSWER)
    finally:
        free.set()
    await asyncio.gather(*busy)
    assert screening.verdict.category == GUARD_UNAVAILABLE


class Counts(Guard):
    name = "counts"

    def __init__(self, failures: int) -> None:
        self.prepared, self._failures = 0, failures

    async def prepare(self) -> None:
        self.prepared += 1
        if self.prepared <= self._failures:
            raise ImportError("not yet")

    async def check(self, text: str, stage: Stage) -> Verdict:
        return self.allow()


async def test_a_guard_is_prepared_once_and_again_if_that_failed() -> None:
    ready, failing = Counts(0), Counts(2)
    guards = GuardChain([ready, failing], PolicySettings())
    await guards.prepare()
    for _ in range(3):
        await guards.screen("x", Stage.QUESTION)
    assert (ready.prepared, failing.prepared) == (1, 3)


async def test_a_candidate_is_warmed_with_the_policy_in_force_and_no_question_waits_for_it() -> None:
    tried = Counts(0)
    candidate = GuardChain([tried], PolicySettings())
    guards = GuardChain([Counts(0)], PolicySettings(), candidate=candidate)
    await guards.prepare()
    assert tried.prepared == 0
    await guards.warm()
    assert tried.prepared == 1


async def test_the_guards_have_loaded_everything_before_a_first_text() -> None:
    class Encoder:
        model_id, asked = "", 0

        def embed_query(self, text: str) -> list[float]:
            self.asked += 1
            return [0.0] * classifier.DIMENSIONS

    encoder = Encoder()
    meaning = classifier.heads()[classifier.Kind.INJECTION, "question"].meaning
    encoder.model_id = meaning.model if meaning else ""
    await build_guards(load_settings(), embeddings=encoder).warm()  # type: ignore[arg-type]
    assert encoder.asked == 1
