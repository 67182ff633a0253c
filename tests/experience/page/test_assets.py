"""What the page loads: its own files and unchanged copies of others, from this server alone."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest

from experience.http.front.paths import DOCUMENTATION
from experience.page.templates import dollars, when
from tests.experience.http.conftest import client
from tests.experience.page.conftest import parsed

ROW = re.compile(r"^\| (\S+) \| (\S+) (\S+), .* \| (\S+) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


@pytest.mark.parametrize("package", ["experience.page", "experience.http.documentation"])
def test_the_files_of_others_are_those_of_their_packages(package):
    assets = files(package) / "assets"
    rows = ROW.findall((assets / "README.md").read_text())
    assert len(rows) >= 2
    for name, _, _, licence, digest in rows:
        assert hashlib.sha256((assets / name).read_bytes()).hexdigest() == digest, name
        assert licence in ("0BSD", "Apache-2.0")
    named = {row[0] for row in rows}
    foreign = {each.name for each in assets.iterdir() if re.search(r"\.min\.|^swagger.*\.(js|css)$", each.name)}
    assert foreign == named


async def test_pages_load_from_this_server_alone_and_what_they_load_is_kept_for_good(ann):
    page = parsed(await ann.get("/"))
    loaded = [each.attributes["src"] for each in page.css("script")]
    loaded += [each.attributes["href"] for each in page.css("link")]
    assert len(loaded) == 6
    for address in loaded:
        answer = await ann.get(address)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), address
    assert (await ann.get("/assets/0000000000000000/page.css")).status_code == 404
    assert (await ann.get("/assets/x/..%2f..%2fapp.py")).status_code == 401  # no route of the page


async def test_the_documentation_of_the_api_loads_from_this_server_alone(site):
    async with client(site, None) as stranger:
        page = await stranger.get("/docs")
        assert "unsafe" not in page.headers["content-security-policy"].split("style-src")[0]
        loaded = [each.attributes["src"] for each in parsed(page).css("script")]
        loaded += [each.attributes["href"] for each in parsed(page).css("link[rel=stylesheet]")]
        assert (
            {f"/docs/{each.rpartition('/')[2]}" for each in loaded}
            == set(loaded)
            == {*DOCUMENTATION} - {"/docs", "/openapi.json"}
        )
        for address in ["/docs", *loaded]:
            answer = await stranger.get(address)
            assert (answer.status_code, len(answer.content) > 100) == (200, True)
            alone = await stranger.head(address)  # of `GET`, everything but the body
            size = answer.headers.get("content-length")
            assert (alone.status_code, alone.content, alone.headers.get("content-length")) == (200, b"", size)
            if address.endswith(".css"):
                assert re.findall(rb"url\((?!data:|['\"]?data:)", answer.content) == []
        assert (await stranger.get("/docs/LICENSE")).status_code == 401


def test_no_template_has_a_script_or_a_style_of_its_own():
    templates = (files("experience.page") / "templates").iterdir()
    for each in templates:
        text = each.read_text()
        assert re.findall(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe", text) == [], each.name
        assert re.findall(r"https?://", text) == [], each.name


@pytest.mark.parametrize(("amount", "told"), [(0, "$0.00"), (1, "$0.000001"), (1_250_000, "$1.25"), (9e9, "$9,000.00")])
def test_amounts_are_in_dollars(amount, told):
    assert dollars(int(amount)) == told
    assert when("2026-03-09T14:05:59.123456+00:00") == "9 March 2026, 14:05 UTC"
