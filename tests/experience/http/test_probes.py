"""Probes need no credentials, so they must not make the server work for everybody who asks."""

from __future__ import annotations

import asyncio

from experience.doctor.values import HealthStatus
from experience.http.health import SURE_SECONDS, Readiness
from tests.doubles.clock import Clock


async def test_many_probes_are_one_check():
    clock, checked = Clock(), []

    async def check() -> HealthStatus:
        await asyncio.sleep(0)
        checked.append(clock())
        return HealthStatus(ok=len(checked) == 1, checks=())

    readiness = Readiness(clock)
    assert await asyncio.gather(*(readiness.healthy(check) for _ in range(50))) == [True] * 50
    assert len(checked) == 1
    clock.now += SURE_SECONDS
    assert not await readiness.healthy(check)
    assert len(checked) == 2
