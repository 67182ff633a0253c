"""Bad input over HTTP: each case gets its status and a problem with a remedy, and starts no run."""

from __future__ import annotations

import socket

import pytest

from experience.http.front.serving import listen
from experience.http.problems import STATUSES, status_of
from state import errors
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.experience.http.conftest import chat, client, served

MALFORMED = {
    "no JSON": {"content": b"{", "headers": {"content-type": "application/json"}},
    "no object": {"json": []},
    "wrong type": {"json": {"question": 7}},
    "unknown field": {"json": {**chat(), "spy": 1}},
    "unknown field within": {"json": chat(spy=1)},
    "nothing asked": {"json": {}},
    "blank": {"json": chat("   ")},
    "control characters": {"json": chat("a\x00b")},
    "both": {"json": {**chat(), "messages": [{"role": "user", "content": "x"}]}},
    "no user turn": {"json": {"messages": [{"role": "assistant", "content": "x"}]}},
    "system turn": {"json": {"messages": [{"role": "system", "content": "x"}]}},
    "thread name": {"json": chat(thread="../x")},
    "corpus name": {"json": chat(corpus="../x")},
    "reserved corpus": {"json": chat(corpus="memory.reports")},
    "unknown model": {"json": chat(model="gpt-99")},
    "retired model": {"json": chat(model="cohere.command-r-plus-08-2024")},
    "filter": {"json": chat(where={"a b": 1})},
    "last event": {"json": chat(), "headers": {"last-event-id": "x"}},
}


@pytest.mark.parametrize("given", MALFORMED.values(), ids=MALFORMED)
async def test_an_invalid_request_is_a_problem_and_starts_no_run(ann, given):
    answer = await ann.post("/v1/chat/stream", **given)
    assert answer.status_code in (400, 404, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["detail"]
    assert told["hint"]
    assert (await ann.get("/v1/threads")).json()["threads"] == []


@pytest.mark.parametrize(
    ("model", "code", "hint"),
    [
        ("cohere.command-r-plus-08-2024", "model_retired", "use `cohere.command-a-03-2025` instead"),
        ("cohere.command-a-reasoning", "model_not_served", "use `openai.gpt-oss-120b` instead"),
    ],
)
async def test_a_model_that_cannot_be_called_is_refused_with_another(ann, model, code, hint):
    answer = await ann.post("/v1/chat", json=chat(model=model))
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, code)
    assert hint in told["hint"]


@pytest.mark.parametrize(
    ("path", "given", "place", "message"),
    [
        ("/v1/chat", chat(length="huge"), "body.context.length", "must be 'brief', 'standard' or 'deep'"),
        ("/v1/chat", chat(form="poem"), "body.context.form", "must be 'answer', 'report', 'table' or 'steps'"),
        (
            "/v1/chat",
            {"messages": [{"role": "user", "content": "Why?"}], "context": {"length": "huge"}},
            "body.context.length",
            "must be 'brief', 'standard' or 'deep'",
        ),
        (
            "/v1/batch",
            {"requests": [chat(), chat(length="huge")]},
            "body.requests.1.context.length",
            "must be 'brief', 'standard' or 'deep'",
        ),
        ("/v1/chat", {"messages": [{"role": "assistant", "content": "x"}]}, "body", "no turn has the role `user`"),
        ("/v1/chat", {}, "body.question", "is missing"),
    ],
)
async def test_a_wrong_field_is_named_as_the_sender_knows_it(ann, path, given, place, message):
    told = (await ann.post(path, json=given)).json()
    assert told["faults"] == [{"place": place, "message": message}]
    assert told["detail"] == f"{place}: {message}"


async def test_an_openai_client_is_told_the_allowed_values(ann):
    given = {"model": "sixplane", "messages": [{"role": "user", "content": "Why?"}], "length": "huge"}
    told = (await ann.post("/v1/chat/completions", json=given)).json()["error"]["message"]
    assert told.startswith("length: must be 'brief', 'standard' or 'deep'")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/threads/none", 404, "thread_missing"),
        ("DELETE", "/v1/threads/none", 404, "thread_missing"),
        ("GET", "/v1/runs/00000000-0000-0000-0000-000000000000", 404, "run_missing"),
        ("GET", "/v1/corpora/none", 404, "corpus_missing"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("PUT", "/v1/chat", 405, "method_not_allowed"),
        ("GET", "/v1/threads/a..b", 422, "bad_input"),
        ("GET", "/v1/threads?limt=5", 422, "bad_input"),
    ],
)
async def test_a_missing_object_is_a_problem(ann, method, path, status, code):
    answer = await ann.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_misspelt_query_parameter_is_refused_with_those_that_there_are(ann):
    told = (await ann.get("/v1/threads?limt=5&q=x")).json()
    assert told["detail"] == "unknown query parameter 'limt'"
    assert told["hint"] == "this address takes: limit, cursor, q"


@pytest.mark.parametrize("name", [None, "nobody"])
async def test_a_request_without_valid_credentials_is_refused(url, name):
    async with client(url, name) as stranger:
        for method, path in (
            ("POST", "/v1/chat"),
            ("GET", "/v1/threads"),
            ("GET", "/v1/health"),
            ("GET", "/v1/budget"),
        ):
            answer = await stranger.request(method, path, **({"json": chat()} if method == "POST" else {}))
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (await stranger.get("/v1/health/live")).json() == {"status": "live"}
        assert (await stranger.get("/v1/health/ready")).status_code == 200


async def test_a_body_of_10_mb_is_refused_before_it_is_read(ann):
    answer = await ann.post("/v1/chat", content=b"x" * 10_000_000, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    async def unmeasured():
        for _ in range(100):
            yield b"x" * 100_000

    chunked = await ann.post("/v1/chat", content=unmeasured(), headers={"content-type": "application/json"})
    assert chunked.status_code == 413


def test_a_port_in_use_names_the_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DependencyUnavailable, match="is in use") as caught:
            listen("127.0.0.1", taken.getsockname()[1])
        assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["not an address", "a..b", "192.0.2.1"])  # the last one is of no machine (RFC 5737)
def test_a_host_that_this_machine_does_not_have_is_told_with_its_remedy(host):
    with pytest.raises(SettingsInvalid, match="is not an address of this machine") as raised:
        listen(host, 0)

    assert "--host" in raised.value.hint


def test_every_error_has_a_status():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SixplaneError)
    ]
    assert set(STATUSES) <= set(kinds)
    for kind in kinds:
        assert 400 <= status_of(kind.__new__(kind)) < 600


async def test_without_authentication_only_loopback_names_reach_the_server(home):
    async with served(home, server={"auth": "off"}) as url, client(url) as ann:
        assert (await ann.get("/v1/health/live")).status_code == 200
        assert (await ann.get("/v1/health/live", headers={"host": "evil.example"})).status_code == 400
