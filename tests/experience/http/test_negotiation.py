"""What hosted platforms ask of a server: JSON or events at one address, probes by status code, and where to listen."""

from __future__ import annotations

import socket

import httpx
import pytest
from starlette.requests import Request

from experience.http.app import create_app
from experience.http.front.serving import listen, url_of
from experience.http.negotiation import wants_events
from experience.mcp.serving import security_of
from settings import Settings
from tests.experience.http.conftest import authenticate, chat, client, events_of, served
from tests.experience.service.helpers import SLOW, slow_plan


def _has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("accept", "events"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", False),
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=utf-8", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        ("application/json;q=0.5, text/event-stream", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=nonsense, */*;q=0.1", False),
        (",;,", False),
    ],
)
def test_the_accept_header_chooses(accept, events):
    headers = [(b"accept", accept.encode())] if accept else []
    assert wants_events(Request({"type": "http", "headers": headers})) is events


async def test_one_address_answers_json_or_events(home):
    async with served(home, slow_plan(0)) as url, client(url) as ann:
        assert (await ann.post("/v1/chat", json=chat(model=SLOW))).json()["markdown"]
        events = {"accept": "text/event-stream"}
        asked = chat(thread="t", model=SLOW, human_review=True)
        async with ann.stream("POST", "/v1/chat", json=asked, headers=events) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert (await events_of(answer))[-1][1]["type"] == "review_pending"
        approve = {"answer": {"decision": "approve"}}
        async with ann.stream("POST", "/v1/threads/t/resume", json=approve, headers=events) as answer:
            assert (await events_of(answer))[-1][1]["report"]["stop_reason"] == "approved_by_person"


async def test_probes_need_no_credentials_and_answer_by_their_status(url):
    async with client(url, None) as platform:
        for path in ("/ready", "/health"):
            answer = await platform.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_an_address_of_ipv6_stands_in_brackets():
    assert url_of("::1", 8080) == "http://[::1]:8080"
    assert url_of("localhost", 8080) == "http://localhost:8080"


@needs_ipv6
@pytest.mark.parametrize(("host", "reached"), [("::1", ["::1"]), ("::", ["::1", "127.0.0.1"])])
def test_the_server_listens_on_addresses_of_ipv6(monkeypatch, host, reached):
    monkeypatch.setenv("SIXPLANE_SERVER__HOST", host)
    with listen(Settings().server.host, 0) as listening:
        for address in reached:
            with socket.create_connection((address, listening.getsockname()[1])):
                pass


@pytest.mark.parametrize("host", ["::1", "127.9.9.9"])
async def test_without_authentication_the_name_of_the_address_reaches_the_server(tmp_path, host):
    app = create_app(Settings(home=tmp_path, server={"auth": "off", "host": host}), authenticate)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=url_of(host, 8080)) as one:
        assert (await one.get("/v1/health/live", headers={"origin": url_of(host, 8080)})).status_code == 200
        assert (await one.get("/v1/health/live", headers={"host": "evil.example"})).status_code == 400
        assert (await one.get("/v1/health/live", headers={"origin": "http://[::5]"})).status_code == 403


def test_over_mcp_an_address_of_ipv6_is_a_name_of_the_server(tmp_path):
    allowed = security_of(
        Settings(home=tmp_path, server={"host": "2001:db8::5", "hosts": ["2001:db8::6", "x.example"]})
    )
    for name in ("[2001:db8::5]", "[2001:db8::6]", "[::1]", "x.example"):
        assert {name, f"{name}:*"} <= set(allowed.allowed_hosts)
        assert f"http://{name}:*" in allowed.allowed_origins


def test_the_server_listens_where_the_setting_says(monkeypatch):
    assert (Settings().server.host, Settings().server.port) == ("127.0.0.1", 8080)
    monkeypatch.setenv("SIXPLANE_SERVER__HOST", "0.0.0.0")
    monkeypatch.setenv("SIXPLANE_SERVER__PORT", "0")
    everywhere = Settings().server
    with listen(everywhere.host, everywhere.port) as listening:
        assert listening.getsockname()[0] == "0.0.0.0"
        with socket.create_connection(("127.0.0.1", listening.getsockname()[1])):
            pass
