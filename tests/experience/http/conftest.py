"""A real server on loopback in the event loop of the test, and clients with several principals."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from experience.http.app import create_app
from experience.http.front.serving import listen, protocol_of
from experience.service import open_service
from policy.identity import Permission, Principal
from settings import ServerSettings, Settings
from state.errors import Unauthenticated
from tests.doubles.waiting import SAFETY_SECONDS, safely
from tests.experience.service.helpers import SLOW

EVERYTHING = (Permission.ASK, Permission.INGEST, Permission.DELETE, Permission.COST)
PRINCIPALS = {
    "ann": Principal(id="ann", tenant="local", roles=EVERYTHING, audiences=("staff",), method="api_key"),
    "bob": Principal(id="bob", tenant="local", roles=EVERYTHING, method="api_key"),
    "asker": Principal(id="asker", tenant="local", roles=(Permission.ASK,), method="api_key"),
    "guest": Principal(id="guest", tenant="local", roles=(), method="api_key"),
    "root": Principal(id="root", tenant="local", roles=(Permission.ADMIN,), method="api_key"),
    "eve": Principal(id="eve", tenant="other", roles=(Permission.ADMIN,), method="api_key"),
}


async def authenticate(header: str | None, address: str = "") -> Principal:
    scheme, _, name = (header or "").partition(" ")
    if scheme != "Bearer" or name not in PRINCIPALS:
        raise Unauthenticated("no valid credentials")
    return PRINCIPALS[name]


@asynccontextmanager
async def served(home, model=None, *, make=create_app, **settings):
    """Yield the URL of a server on `home`. If `model` is given, it answers for `scripted:slow`."""

    def opened(given: Settings):
        return open_service(given, gateway_models={SLOW: model} if model else None)

    given = Settings(home=home, **settings)
    async with running(make(given, authenticate, open_service=opened), given.server) as address:
        yield address


@asynccontextmanager
async def running(app, settings=ServerSettings(), **more):  # noqa: B008 - it cannot be changed
    """Yield the URL of a server that runs `app`; `more` goes to uvicorn."""
    listening = listen("127.0.0.1", 0)
    given = {"http": protocol_of(settings), "ws": "none", "log_config": None, "timeout_graceful_shutdown": 1}
    server = uvicorn.Server(uvicorn.Config(app, **given, **more))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await safely(task)


def client(url: str, name: str | None = "ann", **more) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {name}"} if name else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=SAFETY_SECONDS, **more)


@pytest.fixture
async def url(home):
    async with served(home) as address:
        yield address


@pytest.fixture
async def ann(url):
    async with client(url) as one:
        yield one


async def events_of(response) -> list[tuple[str, dict]]:
    """Read a stream to its end and return the id and the data of each event."""
    found, last = [], ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            last = line[4:]
        if line.startswith("data: "):
            found.append((last, json.loads(line[6:])))
    return found


def chat(question="What is the price of Tariff A?", thread=None, **context):
    return {"question": question, "thread_id": thread, "context": {"corpus": "small", **context}}
