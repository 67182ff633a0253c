"""What hosted platforms ask of a server: JSON or events at one address, probes by status code, and where to listen."""

from __future__ import annotations

import socket

import pytest
from starlette.requests import Request

from experience.http.negotiation import wants_events
from experience.http.serving import listen, url_of
from settings import Settings
from tests.experience.http.conftest import chat, client, events_of, served
from tests.experience.service.helpers import SLOW, slow_plan


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


def test_the_server_listens_where_the_setting_says(monkeypatch):
    assert (Settings().server.host, Settings().server.port) == ("127.0.0.1", 8080)
    monkeypatch.setenv("SIXPLANE_SERVER__HOST", "0.0.0.0")
    monkeypatch.setenv("SIXPLANE_SERVER__PORT", "0")
    everywhere = Settings().server
    with listen(everywhere.host, everywhere.port) as listening:
        assert listening.getsockname()[0] == "0.0.0.0"
        with socket.create_connection(("127.0.0.1", listening.getsockname()[1])):
            pass
