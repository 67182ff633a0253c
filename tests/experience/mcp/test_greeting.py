"""The answer to `initialize` that comes before the SDK is imported: it is the SDK's, and nothing else changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import InitializeRequestParams, jsonrpc_message_adapter

from docs.greeting import sdk_answer
from experience.mcp.greeting import ANSWER, answer_to
from tests.doubles.waiting import SAFETY_SECONDS

PARAMS = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}  # the id of `initialize` again: it is not swallowed twice
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
pytestmark = pytest.mark.timeout(SAFETY_SECONDS)  # a server that does not answer would hold its test for ever
VERSIONS = json.loads(ANSWER.read_text())["versions"]


def line(number=1, **params):
    request = {"jsonrpc": "2.0", "id": number, "method": "initialize", "params": {**PARAMS, **params}}
    return json.dumps(request).encode()


def nested(levels):
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("wanted", [*VERSIONS, "2026-07-28", "1.0", ""])
def test_the_answer_is_the_sdk_s_for_every_version(wanted):
    assert answer_to(line(protocolVersion=wanted)) == sdk_answer({**PARAMS, "protocolVersion": wanted})


@pytest.mark.parametrize(
    "able",
    [
        {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {"form": {}, "url": {}}},
        {"roots": {}, "tasks": {"list": {}, "cancel": {}, "requests": {"sampling": {"createMessage": {}}}}},
        {"experimental": {"a": {}}, "extensions": {"io.modelcontextprotocol/ui": {}}, "of-its-own": {"b": {}}},
        {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"], "n": 1.5}}},
    ],
)
def test_the_answer_is_the_sdk_s_for_what_clients_can_do(able):
    client = {"name": "Käfer", "version": "", "title": "t", "description": "d", "websiteUrl": "https://a.example"}
    given_ = {**PARAMS, "capabilities": able, "clientInfo": client}
    assert answer_to(line("ä-1", **given_)) == sdk_answer(given_, "ä-1")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["listChanged", "form", "tools", "x"]), inner)
    ),
    max_leaves=4,
)
names = st.sampled_from(["roots", "sampling", "elicitation", "experimental", "extensions", "tasks", "mine"])


@given(
    st.dictionaries(names, values, max_size=3), st.dictionaries(st.sampled_from(["name", "version", "title"]), values)
)
def test_what_is_answered_the_sdk_accepts(able, client):
    params = {**PARAMS, "capabilities": able, "clientInfo": {"name": "c", "version": "1", **client}}
    sent = line(**params)
    if answer_to(sent) is not None:
        request = jsonrpc_message_adapter.validate_json(sent, by_name=False)
        InitializeRequestParams.model_validate(request.params, by_name=False)


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"{",
        b"[]",
        b"\xff" + line(),
        b"\xef\xbb\xbf" + line(),
        b"[" * 100_000,
        line(capabilities={"experimental": nested(300)}),
        line(capabilities={"mine": nested(300)}),
        line(capabilities={"mine": nested(700)}),
        line(capabilities={"experimental": {"a": {"b": float("nan")}}}),
        line(capabilities={"experimental": {"a": []}}),
        line(clientInfo={"name": "c", "version": "1" * 70_000}),
        line().replace(b'"2.0", ', b'"2.0",\r'),
        line().replace(b'"1"', b'"\\ud800"'),
        line().replace(b"initialize", b"ping"),
        line().replace(b'"2.0"', b'"1.0"'),
        line(number=True),
        line(number=None),
        line(number=1.5),
        line(number=2**60),
        line(_meta={"progressToken": 1}),
        line(protocolVersion=20250618),
        line(capabilities={"sampling": None}),
        line(capabilities={"roots": {"listChanged": "yes"}}),
        line(capabilities={"roots": {"listChanged": 1}}),
        line(capabilities={"roots": True}),
        line(capabilities=[]),
        line(clientInfo={"name": "c"}),
        line(clientInfo={"name": "c", "version": 1}),
        line(clientInfo={"name": "c", "version": "1", "icons": []}),
        line(clientInfo=None),
        json.dumps({"jsonrpc": "2.0", "method": "initialize", "params": PARAMS}).encode(),
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": [PARAMS]}).encode(),
    ],
)
def test_everything_else_is_left_to_the_sdk(other):
    assert answer_to(other) is None


def test_another_release_of_the_sdk_answers_itself(monkeypatch):
    monkeypatch.setattr("experience.mcp.greeting.version", lambda name: "99.0")
    assert answer_to(line()) is None


# Waits in the import of the SDK until the file that the first argument names is there. Not while it is looked for:
# Python 3.11 holds the lock of all imports then.
WAITING = """
import sys, time
from importlib.machinery import PathFinder
from pathlib import Path
gate = Path(sys.argv.pop(1))
class Gate:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "mcp":
            return None
        spec = PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module
        def late(module):
            while not gate.exists():
                time.sleep(0.01)
            run(module)
        spec.loader.exec_module = late
        return spec
sys.meta_path.insert(0, Gate)
from experience.cli import main
main()
"""


@pytest.fixture
def served(home, tmp_path):
    command = [sys.executable, "-c", WAITING, str(tmp_path / "gate"), "mcp", "--home", str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(os.environ)) as server:
        yield server
        server.kill()


def lines(*messages):
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def test_a_client_is_answered_before_the_sdk_is_there_and_then_served(served, tmp_path):
    first = line()
    served.stdin.write(first[:20])
    served.stdin.flush()
    served.stdin.write(first[20:] + b"\n" + lines(INITIALIZED) + lines(LIST)[:9])  # all at once, and half a line
    served.stdin.flush()
    assert json.loads(served.stdout.readline()) == sdk_answer(PARAMS)
    (tmp_path / "gate").touch()
    out, err = served.communicate(lines(LIST)[9:], timeout=SAFETY_SECONDS)
    (listed,) = [json.loads(each) for each in out.splitlines()]
    assert listed["id"] == 1
    assert {"search", "ingest"} <= {tool["name"] for tool in listed["result"]["tools"]}
    assert (served.returncode, err) == (0, b"")


def test_the_sdk_answers_what_is_not_plain_and_a_client_may_leave(served, tmp_path):
    (tmp_path / "gate").touch()
    ping = {"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"_meta": {"note": "x" * 200_000}}}
    strange = json.loads(line(2, capabilities={"sampling": 3}))
    out, err = served.communicate(lines(ping, strange, json.loads(line(3))), timeout=SAFETY_SECONDS)
    answers = {each["id"]: each for each in map(json.loads, out.splitlines())}
    assert answers[7]["result"] == {}
    assert answers[2]["error"]["code"] == -32602
    assert answers[3] == sdk_answer(PARAMS, 3)
    assert (served.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    "sent",
    [pytest.param(b"", marks=pytest.mark.long), pytest.param(line()[:30], marks=pytest.mark.long), line() + b"\n"],
)
def test_a_client_may_leave_at_once(served, tmp_path, sent):
    (tmp_path / "gate").touch()
    out, err = served.communicate(sent, timeout=SAFETY_SECONDS)
    assert (len(out.splitlines()), served.returncode, err) == (1 if sent.endswith(b"\n") else 0, 0, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_signal_ends_the_server_of_a_client_that_is_silent(served, tmp_path, number):
    (tmp_path / "gate").touch()
    served.stdin.write(line() + b"\n" + lines(INITIALIZED, LIST))
    served.stdin.flush()
    assert [json.loads(served.stdout.readline())["id"] for _ in range(2)] == [1, 1]
    served.send_signal(number)
    assert served.wait(SAFETY_SECONDS) == 6
    assert b"stopped on request" in served.stderr.read()
