"""Requests leave no files: after many of each kind, the home folder holds the files that it held after a few."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from experience.mcp.serving import PATH, create_mcp_app
from tests.experience.http.conftest import chat, client, served
from tests.experience.mcp.test_sessions import _ACCEPT, _ASKED, message

DENIED = "zanzibarcode"
FEW, MANY, MANY_RUNS = 100, 1_000, 200
"""Runs take half a second on a busy machine, so that there are fewer of them in the long test."""

MOST_SEGMENTS = 8
"""Segments of the keyword index of earlier reports: tantivy merges eight into one. Measured: 1 to 7 in 160 runs."""

Request = Callable[[], Awaitable[int]]
_DAY = re.compile(r"\d{4}-\d\d-\d\d(\.\d{6})?")
"""A day, with the number of its part: a trace file that is full goes on in a new one, and `telemetry.max_bytes` bounds
what all of them take. That is a number of files for what is kept, not for each request."""

_SEGMENT = re.compile(r"[0-9a-f]{32}")


def files_of(*folders: Path) -> set[str]:
    """Return the files by name: those of a day as one, since a test may run at midnight, and those of segments."""
    paths = (str(path) for folder in folders for path in folder.rglob("*"))
    return {_SEGMENT.sub("SEGMENT", _DAY.sub("DAY", path)) for path in paths}


def segments_of(home: Path) -> int:
    """Return the number of segments of the largest keyword index."""
    folders = {path.parent for path in home.rglob("*") if _SEGMENT.match(path.name)}
    return max(len({found[0] for path in each.iterdir() if (found := _SEGMENT.match(path.name))}) for each in folders)


@asynccontextmanager
async def kinds(home: Path) -> AsyncIterator[dict[str, tuple[Request, int]]]:
    """Yield a request of each kind, with the status of its answer."""
    policy = {"deny": (DENIED,)}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(home, policy=policy))
        mcp_url = await stack.enter_async_context(served(home, make=create_mcp_app, policy=policy))
        ann, nobody, agent = [
            await stack.enter_async_context(client(*given)) for given in ((url,), (url, None), (mcp_url,))
        ]

        def sent(one: httpx.AsyncClient, method: str, path: str, **more: object) -> Request:
            async def send() -> int:
                return (await one.request(method, path, **more)).status_code  # type: ignore[arg-type]

            return send

        async def mcp_session() -> int:
            opened = await agent.post(PATH, json=message("initialize", **_ASKED), headers=_ACCEPT)
            named = {**_ACCEPT, "mcp-session-id": opened.headers["mcp-session-id"]}
            asked = {"name": "search", "arguments": {"query": "Tariff A", "corpus": "small"}}
            called = await agent.post(PATH, json=message("tools/call", **asked), headers=named)
            await agent.delete(PATH, headers=named)
            assert "12 dollars" in called.text
            return called.status_code

        yield {
            "live": (sent(nobody, "GET", "/v1/health/live"), 200),
            "ready": (sent(nobody, "GET", "/v1/health/ready"), 200),
            "401": (sent(nobody, "GET", "/v1/threads"), 401),
            "404": (sent(ann, "GET", "/v1/threads/nowhere"), 404),
            "422": (sent(ann, "POST", "/v1/chat", json={}), 422),
            "search": (sent(ann, "POST", "/v1/corpora/small/search", json={"query": "Tariff A"}), 200),
            "threads": (sent(ann, "GET", "/v1/threads"), 200),
            "refused": (sent(ann, "POST", "/v1/chat", json=chat(f"What is {DENIED}?")), 200),
            "answered": (sent(ann, "POST", "/v1/chat", json=chat()), 200),
            "batch": (sent(ann, "POST", "/v1/batch", json={"requests": [chat(), chat()]}), 200),
            "mcp": (mcp_session, 200),
        }


async def grows(home: Path, few: int, many: int, runs: int) -> dict[str, set[str]]:
    """Return, by kind of request, the files that came between `few` and `many` of it; `runs` of those that run."""
    temporary = Path(tempfile.gettempdir())
    found = {}
    async with kinds(home) as requests:
        for kind, (request, status) in requests.items():
            before: set[str] = set()
            for number in range(runs if kind in ("answered", "batch") else many):
                if number == min(few, runs // 2):
                    before = files_of(home, temporary)
                assert await request() == status, kind
            found[kind] = files_of(home, temporary) - before
            assert segments_of(home) <= MOST_SEGMENTS, kind
    return found


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files stand where they can be counted."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


async def test_a_few_requests_of_each_kind_leave_no_file_behind(home: Path) -> None:
    assert not any((await grows(home, 1, 3, 2)).values())


@pytest.mark.long
@pytest.mark.timeout(3_600)
async def test_a_thousand_requests_of_each_kind_leave_no_file_behind(home: Path) -> None:
    assert not any((await grows(home, FEW, MANY, MANY_RUNS)).values())
