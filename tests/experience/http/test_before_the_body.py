"""Nothing of a body is read before its sender is known, and how much is read depends on the route."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest

from experience.http.app import create_app
from experience.http.front.paths import PUBLIC, STARTS
from experience.mcp.serving import create_mcp_app
from experience.service.auditing import ServiceAudit
from experience.service.desk import Desk
from experience.service.limits import RunLimits
from experience.service.places import Places
from observability.audit import AuditTrail, read_lines
from policy.identity import Authenticator
from retrieval import Corpora
from settings import Settings
from tests.doubles.waiting import safely
from tests.experience.http.conftest import authenticate

MIB = 1024 * 1024
PIECE = 64 * 1024
FILE = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.md"\r\n\r\n'
MULTIPART = "multipart/form-data; boundary=x"
JSON = "application/json"


class Exchange:
    """One ASGI request whose body is made while it is read: counts what is read, and keeps the answer."""

    def __init__(self, path, *, method="POST", kind=JSON, name=None, size=50 * MIB, length=None, body=b""):
        headers = {"host": "127.0.0.1", "content-type": kind, "accept": "application/json, text/event-stream"}
        if name:
            headers["authorization"] = f"Bearer {name}"
        if length is not None:
            headers["content-length"] = str(length)
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "client": ("203.0.113.7", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        self.body, self.left, self.read = body, len(body) or size, 0
        self.status, self.headers, self.answer = 0, {}, b""

    async def receive(self):
        if not self.left:
            return {"type": "http.disconnect"}
        size = min(PIECE, self.left)
        start = self.read
        self.left -= size
        self.read += size
        given = self.body[start : start + size] if self.body else b" " * size
        return {"type": "http.request", "body": given, "more_body": bool(self.left)}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        self.answer += message.get("body", b"")

    async def through(self, app):
        await app(self.scope, self.receive, self.send)
        return self

    @property
    def problem(self):
        return json.loads(self.answer)


def with_desk(app, home):
    """Give `app` what the lifespan would give it, as far as requests here get."""
    audit = ServiceAudit(AuditTrail(Settings(home=home), policy="3fd5"), create_autospec(Corpora, instance=True))
    app.state.desk = Desk(
        SimpleNamespace(service=SimpleNamespace(audit=audit), places=Places(RunLimits(running=1, waiting=0)))
    )
    return app


@pytest.fixture
def app(tmp_path):
    return with_desk(create_app(Settings(home=tmp_path), authenticate), tmp_path)


@pytest.fixture
def mcp(tmp_path):
    return create_mcp_app(Settings(home=tmp_path), authenticate)


UPLOAD = "/v1/corpora/small/documents"


@pytest.mark.parametrize("name", [None, "nobody"])
@pytest.mark.parametrize(("path", "kind"), [(UPLOAD, MULTIPART), ("/v1/chat", JSON), ("/v1/nothing", JSON)])
async def test_a_stranger_s_50_mib_are_refused_and_none_is_read(app, name, path, kind):
    refused = await Exchange(path, kind=kind, name=name, length=50 * MIB).through(app)
    assert (refused.status, refused.read) == (401, 0)
    unmeasured = await Exchange(path, kind=kind, name=name, body=FILE + b" " * 50 * MIB).through(app)
    assert (unmeasured.status, unmeasured.read) == (401, 0)
    assert refused.problem["code"] == "unauthenticated"


@pytest.mark.parametrize("name", [None, "nobody"])
async def test_over_mcp_a_stranger_s_50_mib_are_refused_and_none_is_read(mcp, name):
    refused = await Exchange("/mcp", name=name).through(mcp)
    assert (refused.status, refused.read, refused.problem["code"]) == (401, 0, "unauthenticated")


async def test_every_route_but_the_probes_and_the_documentation_needs_credentials(app):
    methods = {
        (path, method.upper())
        for path, found in app.openapi()["paths"].items()
        for method in found
        if path not in PUBLIC
    }
    assert len(methods) > 15
    for path, method in methods:
        refused = await Exchange(path, method=method).through(app)
        assert (path, refused.status, refused.read) == (path, 401, 0)
    for path in {*PUBLIC} - {"/v1/health/ready", "/ready"}:  # which asks the service, and none is open here
        assert (await Exchange(path, method="GET", size=0).through(app)).status == 200


@pytest.mark.parametrize("path", STARTS)
async def test_without_a_place_nothing_of_a_question_is_read(app, path):
    await app.state.desk.runs.places.take(("local", "ann"))
    refused = await Exchange(path, name="ann").through(app)
    assert (refused.status, refused.read) == (429, 0)
    assert int(refused.headers[b"retry-after"]) >= 1
    assert (await Exchange(path, name="nobody").through(app)).status == 401
    other = await Exchange("/v1/corpora/small/search", name="ann", body=b"{").through(app)
    assert other.status == 422
    goes_on = Exchange(path, name="ann", body=b"{")
    goes_on.scope["headers"].append((b"last-event-id", b"1"))
    assert (await goes_on.through(app)).status in (400, 422)


async def test_an_openai_client_is_told_in_its_own_format(app):
    refused = await Exchange("/v1/chat/completions").through(app)
    assert (refused.status, refused.problem["error"]["code"]) == (401, "invalid_api_key")
    large = await Exchange("/v1/chat/completions", name="ann", length=50 * MIB).through(app)
    assert (large.status, large.problem["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("kind", [MULTIPART, "multipart/mixed", JSON, "text/plain"])
async def test_the_limit_is_the_route_s_whatever_the_header_says(app, kind):
    declared = await Exchange("/v1/chat", kind=kind, name="ann", length=3 * MIB).through(app)
    assert (declared.status, declared.read, declared.problem["code"]) == (413, 0, "too_large")
    unmeasured = await Exchange("/v1/chat", kind=kind, name="ann").through(app)
    assert unmeasured.status == 413
    assert unmeasured.read <= 2 * MIB + PIECE
    assert "server.max_body_bytes" in unmeasured.problem["hint"]


@pytest.mark.parametrize("length", ["9" * 30, "9" * 5_000])
async def test_a_declared_length_without_measure_is_too_large(app, length):
    refused = await Exchange("/v1/chat", name="ann", length=length).through(app)
    assert (refused.status, refused.read) == (413, 0)


async def test_a_caller_who_may_not_ingest_uploads_nothing(app, caplog, tmp_path):
    refused = await Exchange(UPLOAD, kind=MULTIPART, name="asker").through(app)
    assert (refused.status, refused.read, refused.problem["code"]) == (403, 0, "forbidden")
    assert "refused ingest of 'small'" in caplog.text
    (line,) = read_lines(tmp_path / "audit.jsonl")
    assert (line["kind"], line["principal"], line["object"]) == ("refusal", "asker", "corpus:small")


async def test_an_upload_is_bounded_too(app):
    refused = await Exchange(UPLOAD, kind=MULTIPART, name="ann", length=51 * MIB).through(app)
    assert (refused.status, refused.read) == (413, 0)


PART = b'--x\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n.\r\n'


@pytest.mark.parametrize(
    "part", [PART % (b"files", b'; filename="a.md"'), PART % (b"audience", b""), PART % (b"other", b"")]
)
async def test_30_000_parts_are_refused_at_the_first_that_is_too_much(app, part):
    refused = await Exchange(UPLOAD, kind=MULTIPART, name="ann", body=part * 30_000 + b"--x--\r\n").through(app)
    assert refused.status == 400
    assert refused.read <= 2 * PIECE
    assert "100" in refused.problem["hint"]


@pytest.mark.parametrize("name", [b"content-disposition", b"x" * 3 * MIB])
async def test_an_endless_header_of_a_part_is_refused(app, name):
    body = b"--x\r\n" + name + b": " + b"y" * 20 * MIB
    refused = await Exchange(UPLOAD, kind=MULTIPART, name="ann", body=body).through(app)
    assert refused.status == 400
    assert refused.read <= 2 * PIECE


async def test_an_upload_that_is_no_form_is_refused(app):
    fields = b"files=a&" * 1_000_000
    refused = await Exchange(UPLOAD, kind="application/x-www-form-urlencoded", name="ann", body=fields).through(app)
    assert refused.status in (400, 415, 422)
    assert refused.read <= 2 * PIECE


class Stalled(Exchange):
    """A request whose body stops after its first piece."""

    async def receive(self):
        if self.read:
            await asyncio.Event().wait()
        return await super().receive()


@pytest.mark.parametrize(
    ("make", "path", "kind"),
    [(create_mcp_app, "/mcp", JSON), (create_app, "/v1/chat", JSON), (create_app, UPLOAD, MULTIPART)],
)
async def test_a_body_that_stalls_is_given_up(tmp_path, make, path, kind):
    settings = Settings(home=tmp_path, server={"request_timeout_seconds": 0.05})
    app = with_desk(make(settings, authenticate), tmp_path)
    given_up = await safely(Stalled(path, kind=kind, name="ann", body=FILE + b" " * MIB).through(app))
    assert (given_up.status, given_up.problem["code"]) == (408, "too_slow")
    assert "request_timeout_seconds" in given_up.problem["hint"]


@pytest.mark.parametrize("length", [None, 3 * MIB])
async def test_over_mcp_a_large_body_is_a_problem(mcp, length):
    refused = await Exchange("/mcp", name="ann", length=length).through(mcp)
    assert (refused.status, refused.problem["code"]) == (413, "too_large")
    assert refused.read <= 2 * MIB + PIECE


@pytest.mark.parametrize(("make", "path"), [(create_app, "/v1/chat"), (create_mcp_app, "/mcp")])
async def test_whoever_fails_to_log_in_too_often_is_told_how_long_to_wait(tmp_path, make, path):
    settings = Settings(home=tmp_path, server={"failed_logins_per_address": 3})
    app = make(settings, Authenticator(settings))
    failed = [await Exchange(path, name=f"sp_{number:012x}_{'x' * 43}").through(app) for number in range(5)]
    assert [each.status for each in failed] == [401, 401, 401, 401, 429]
    assert {each.read for each in failed} == {0}
    assert (failed[-1].headers[b"retry-after"], failed[-1].problem["code"]) == (b"1", "rate_limited")
    neighbour = Exchange(path, name="sp_nobody")
    neighbour.scope["client"] = ("203.0.113.8", 1)
    assert (await neighbour.through(app)).status == 401
