"""The site on loopback, and browsers that are signed in by cookie."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from experience.page.site import create_site
from tests.doubles.waiting import SAFETY_SECONDS
from tests.experience.http.conftest import served


@asynccontextmanager
async def browser(url: str, key: str | None = "ann", **headers: str):
    """A client that behaves like a browser on a page of the site: it keeps cookies and names its origin."""
    async with httpx.AsyncClient(
        base_url=url, headers={"origin": url, **headers}, timeout=SAFETY_SECONDS, follow_redirects=True
    ) as client:
        if key:
            answer = await client.post("/sign-in", data={"key": key})
            assert answer.url.path != "/sign-in", answer.text
        yield client


@pytest.fixture
async def site(home):
    async with served(home, make=create_site) as url:
        yield url


@pytest.fixture
async def ann(site):
    async with browser(site) as client:
        yield client


def parsed(answer: httpx.Response) -> LexborHTMLParser:
    return LexborHTMLParser(answer.text)


def words(answer: httpx.Response, selector: str = "main") -> str:
    """Return the text of an element on one line."""
    found = parsed(answer).css_first(selector)
    return re.sub(r"\s+", " ", found.text()).strip() if found else ""


async def answered(client: httpx.AsyncClient, question: str = "What does Tariff A cost a month?", **form: str):
    """Ask, wait for the end of the run, and return the page of the thread."""
    asked = await client.post("/ask", data={"question": question, "corpus": "small", **form})
    assert asked.url.path.startswith("/threads/"), asked.text
    async with client.stream("GET", f"{asked.url.path}/events") as stream:
        if stream.status_code == 200:
            async for _ in stream.aiter_lines():
                pass
    return await client.get(asked.url.path)
