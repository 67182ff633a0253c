"""Quotas of a principal: requests in a minute and runs at a time, beside the limits of the server."""

from __future__ import annotations

import pytest

from experience.http.app import create_app
from experience.http.front.quotas import KEPT, RequestQuota
from experience.mcp.serving import create_mcp_app
from settings import Settings
from state.errors import RateLimited
from tests.doubles.clock import Clock
from tests.doubles.roles import scripted
from tests.experience.http.conftest import PRINCIPALS, authenticate, chat, client, served
from tests.experience.http.test_before_the_body import Exchange
from tests.experience.service.helpers import SLOW, held_plan


def test_a_principal_has_so_many_requests_in_any_minute_and_others_have_their_own():
    clock = Clock()
    quota = RequestQuota(3, clock=clock)
    for _ in range(3):
        quota.check(PRINCIPALS["ann"])
        clock.now += 10
    with pytest.raises(RateLimited) as caught:
        quota.check(PRINCIPALS["ann"])
    assert 30 <= caught.value.retry_after <= 31
    quota.check(PRINCIPALS["bob"])
    quota.check(PRINCIPALS["ann"].model_copy(update={"tenant": "other"}))
    clock.now += caught.value.retry_after
    quota.check(PRINCIPALS["ann"])
    with pytest.raises(RateLimited):
        quota.check(PRINCIPALS["ann"])


def test_without_a_quota_nobody_is_refused_and_nothing_is_remembered():
    quota = RequestQuota(None)
    for _ in range(1_000):
        quota.check(PRINCIPALS["ann"])
    assert quota.size == 0


def test_the_principals_that_are_remembered_are_bounded():
    quota = RequestQuota(1, clock=Clock())
    for number in range(KEPT + 10):
        quota.check(PRINCIPALS["ann"].model_copy(update={"id": str(number)}))
    assert quota.size == KEPT


@pytest.mark.parametrize(("make", "path"), [(create_app, "/v1/nothing"), (create_mcp_app, "/nothing")])
async def test_a_request_beyond_the_quota_gets_429_before_its_body_is_read(tmp_path, make, path):
    app = make(Settings(home=tmp_path, server={"principal_requests_per_minute": 2}), authenticate)
    sent = [await Exchange(path, name="ann").through(app) for _ in range(3)]
    assert [each.status for each in sent] == [404, 404, 429]
    assert (sent[-1].read, sent[-1].problem["code"]) == (0, "rate_limited")
    assert 1 <= int(sent[-1].headers[b"retry-after"]) <= 61
    assert (await Exchange(path, name="bob").through(app)).status == 404


async def test_a_principal_has_so_many_runs_at_a_time_and_others_have_their_own(home):
    model = held_plan()
    async with (
        served(home, model, server={"principal_max_runs": 1}) as url,
        client(url) as ann,
        client(url, "bob") as bob,
    ):
        async with ann.stream("POST", "/v1/chat/stream", json=chat(thread="one", model=SLOW)) as first:
            assert first.status_code == 200
            refused = await ann.post("/v1/chat", json=chat(thread="two"))
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert int(refused.headers["retry-after"]) >= 1
            assert (await bob.post("/v1/chat", json=chat(thread="three"))).status_code == 200
            model.release()
            await first.aread()
        assert (await ann.post("/v1/chat", json=chat(thread="two"))).status_code == 200


async def test_a_batch_keeps_to_the_quota_and_is_answered_in_turn(home):
    async with served(home, server={"principal_max_runs": 1}) as url, client(url) as ann:
        answer = await ann.post("/v1/batch", json={"requests": [chat(thread=f"t{number}") for number in range(3)]})
        assert [each["status"] for each in answer.json()["items"]] == ["answered"] * 3


async def test_the_money_of_a_run_and_a_refusal_are_its_principal_s(home):
    budgets = {"principal_month_micro_usd": 1_000_000}
    models = {"prices_micro_usd": {SLOW: (1_000, 1_000)}}
    async with (
        served(home, scripted(), budgets=budgets, models=models) as url,
        client(url) as ann,
        client(url, "bob") as bob,
    ):
        asked = (await ann.post("/v1/chat", json=chat(model=SLOW))).json()
        spent = asked["usage"]["cost_micro_usd"]
        assert spent > 0

        async def of(one):
            lines = (await one.get("/v1/budget")).json()["budgets"]
            return {line["kind"]: line["spent"] for line in lines}

        assert await of(ann) == {"tenant": spent, "month": spent, "principal": spent}
        assert await of(bob) == {"tenant": spent, "month": spent, "principal": 0}
