"""The evidence bundle over HTTP."""

from __future__ import annotations

import base64
import hashlib

from experience.bundle import verify_bundle
from observability.audit import read_lines
from tests.experience.http.conftest import chat, client, served


async def test_the_owner_gets_the_bundle_as_a_zip_file_and_nobody_else(home):
    async with served(home) as url, client(url) as ann:
        assert (await ann.post("/v1/chat", json=chat(thread="t"))).status_code == 200
        given = await ann.get("/v1/threads/t/export")
        bare = await ann.get("/v1/threads/t/export", params={"texts": "none"})
        bad = await ann.get("/v1/threads/t/export", params={"texts": "all"})
        refused = {}
        for name in ("bob", "eve", "guest", None):
            async with client(url, name) as other:
                refused[name] = (await other.get("/v1/threads/t/export")).status_code
    assert (given.status_code, given.headers["content-type"]) == (200, "application/zip")
    assert given.headers["content-disposition"] == 'attachment; filename="t.zip"'
    digest = base64.b64encode(hashlib.sha256(given.content).digest()).decode()
    assert given.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert (verify_bundle(given.content).outcome, verify_bundle(given.content).documents) == ("verified", {"whole": 1})
    assert verify_bundle(bare.content).documents == {"excerpts": 1}
    assert bad.status_code == 422
    assert refused == {"bob": 404, "eve": 404, "guest": 403, None: 401}
    exports = [each["outcome"] for each in read_lines(home / "audit.jsonl") if each["kind"] == "export"]
    assert exports == ["begun", "done", "begun", "done"]
