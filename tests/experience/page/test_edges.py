"""What the page answers where none of its routes does: HTML for a person, within the bounds of every other answer."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from experience.http.front.quotas import RequestQuota
from experience.page.app import create_page
from experience.page.door import Door
from experience.service.auditing import ServiceAudit
from experience.service.views import KeptViews
from settings import Settings
from tests.experience.http.conftest import authenticate
from tests.experience.page.conftest import answered, browser, words


@asynccontextmanager
async def door(home):
    """A browser in front of a page whose desk is not open."""
    page = create_page(Settings(home=home, server={"max_body_bytes": 2_000}), authenticate, RequestQuota(None))

    async def broken(_):
        raise RuntimeError("the secret of the question")

    page.router.routes.insert(0, Route("/costs", broken))
    site = Door(PlainTextResponse("the API"), page=page)
    transport = httpx.ASGITransport(site, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://site", headers={"origin": "http://site"}) as one:
        assert (await one.post("/sign-in", data={"key": "ann"})).status_code == 303
        yield one


def check(answer):
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")


async def test_an_unexpected_error_tells_its_kind_and_no_more_with_the_headers_of_every_page(tmp_path):
    async with door(tmp_path) as one:
        answer = await one.get("/costs")
    assert answer.status_code == 500
    check(answer)
    assert "unexpected RuntimeError" in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_a_page_for_a_person(tmp_path, declared):
    async def pieces():
        for _ in range(3):
            yield b"question=" + b"x" * 1_000

    async with door(tmp_path) as one:
        body = b"question=" + b"x" * 3_000
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await one.post("/sign-in", content=body if declared else pieces(), headers=form)
    assert answer.status_code == 413
    check(answer)
    assert "too much at once" in words(answer)


async def test_other_addresses_are_the_api_s_own(tmp_path):
    async with door(tmp_path) as one:
        assert (await one.get("/v1/corpora")).text == "the API"


@pytest.mark.long  # it opens a service
async def test_stopping_and_watching_read_no_report(site, ann, monkeypatch):
    thread = (await answered(ann)).url.path
    reads = Counter()
    views, report = KeptViews.thread, ServiceAudit.report

    async def viewed(self, *named):
        reads["view"] += 1
        return await views(self, *named)

    async def told(self, *given):
        reads["report"] += 1
        await report(self, *given)

    monkeypatch.setattr(KeptViews, "thread", viewed)
    monkeypatch.setattr(ServiceAudit, "report", told)
    async with browser(site, "root") as root:
        stopped = await root.post(f"{thread}/stop", follow_redirects=False)
        assert (stopped.status_code, reads) == (303, {})
        async with browser(site, "bob") as bob:
            assert (await bob.post(f"{thread}/stop")).status_code == 404
        assert (await root.get(f"{thread}/events")).status_code == 200
        assert reads == {"report": 1}  # the events end with the report, and root is not its owner
