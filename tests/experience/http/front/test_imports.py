"""What the process that takes connections imports, and how it answers before the other one runs."""

from __future__ import annotations

import json
import subprocess
import sys

from experience.http.front.paths import DOCUMENTATION, PROBES, PUBLIC
from experience.page.app import create_page
from experience.page.paths import PATHS, is_of_page
from settings import Settings

HEAVY = {
    "fastapi", "graphs", "langchain_core", "langgraph", "langsmith", "markdown_it", "mcp", "nodes", "numpy", "oci",
    "openai", "retrieval", "sse_starlette",
}  # fmt: skip

# As `sixplane serve` does; its other process has not started.
FRONT = """
import asyncio, json, sys
from experience.cli.commands.operating.serve import serve
from experience.http.worker import Worker
from experience.mcp import serve_http
from experience.page.front import create_site_front
from policy.identity import Authenticator
from settings import load_settings

async def answers(app):
    for method, path, headers in json.loads(sys.argv[2]):
        told = []
        async def send(message):
            told.append(message)
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
                 "root_path": "", "scheme": "http", "client": ("203.0.113.7", 1), "server": ("127.0.0.1", 80),
                 "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
        await app(scope, None, send)
        yield [told[0]["status"], dict(told[0]["headers"])[b"content-type"].decode(), told[1]["body"].decode()]

async def all_answers():
    settings = load_settings(home=sys.argv[1], server={"auth": "keys"})
    authenticate = Authenticator(settings)
    app = create_site_front(settings, authenticate, Worker(settings, "nothing:is_started"))
    found = [each async for each in answers(app)]
    await authenticate.aclose()
    return found

print(json.dumps([asyncio.run(all_answers()), sorted(sys.modules)]))
"""

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html; charset=utf-8"
ASKED = [
    ("GET", "/health", 200, JSON, "live"),
    ("GET", "/ready", 503, JSON, "unhealthy"),
    ("POST", "/ready", 405, PROBLEM, "method_not_allowed"),
    ("GET", "/v1/corpora", 401, PROBLEM, "unauthenticated"),
    ("POST", "/v1/chat/completions", 401, JSON, "invalid_api_key"),
    ("GET", "/docs", 503, PROBLEM, "dependency_unavailable"),
    ("POST", "/ask", 403, HTML, "does not come from this page"),
    ("GET", "/sign-in", 503, HTML, "is started again"),
]


def test_it_imports_nothing_of_the_work_and_answers_by_itself(tmp_path):
    sent = json.dumps([(method, path, {"host": "127.0.0.1"}) for method, path, *_ in ASKED])
    ended = subprocess.run([sys.executable, "-c", FRONT, str(tmp_path), sent], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    answers, modules = json.loads(ended.stdout)
    for (_, path, *expected, word), (*told, body) in zip(ASKED, answers, strict=True):
        assert (path, *told) == (path, *expected)
        assert word in body
    assert HEAVY & {name.partition(".")[0] for name in modules} == set()
    assert {name for name in modules if name.startswith("gateway.")} <= {"gateway.limiter", "gateway.token_estimates"}
    assert {name for name in modules if name.startswith("experience.service.")} == {
        "experience.service.limits",
        "experience.service.places",
    }


def test_the_addresses_of_the_page_are_those_of_its_routes(tmp_path):
    page = create_page(Settings(home=tmp_path), None, None)
    assert sorted(page.openapi()["paths"]) == sorted(PATHS)
    assert all(is_of_page({"path": path}) for path in PATHS)
    assert not any(is_of_page({"path": path}) for path in (*PUBLIC, "/v1/corpora", "/corpora/", "/threads/a/b", "//"))


def test_the_addresses_of_the_documentation_are_those_of_its_files():
    from experience.http.documentation.routes import _FILES

    assert {*DOCUMENTATION} == {"/openapi.json", "/docs", *(f"/docs/{name}" for name in _FILES)}
    assert {*PUBLIC} == {*PROBES, *DOCUMENTATION}
