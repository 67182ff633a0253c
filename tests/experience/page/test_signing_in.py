"""Who sees the page, and which requests it takes."""

from __future__ import annotations

import httpx
import pytest

from experience.page.site import create_site
from tests.experience.http.conftest import client as api_client
from tests.experience.http.conftest import served
from tests.experience.page.conftest import browser, parsed, words

pytestmark = pytest.mark.long  # each test opens a service of its own

PAGES = ["/", "/threads", "/threads/t-1", "/corpora", "/corpora/small", "/costs", "/passages/small/E1"]


async def test_every_page_leads_to_the_sign_in_and_back(site):
    async with browser(site, None) as nobody:
        for path in PAGES:
            answer = await nobody.get(path)
            assert (answer.status_code, answer.url.path, answer.url.params["next"]) == (200, "/sign-in", path)
            assert parsed(answer).css_first("input[name=next]").attributes["value"] == path
        # A part of a page must not become the sign-in: the whole page goes there.
        headers = {"hx-request": "true", "hx-current-url": f"{site}/corpora"}
        answer = await nobody.get("/threads", headers=headers)
        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=/corpora")


async def test_a_key_signs_in_with_a_cookie_that_no_script_and_no_other_site_can_use(site):
    async with browser(site, None) as nobody:
        answer = await nobody.post("/sign-in", data={"key": " ann ", "next": "/corpora"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/corpora")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "ann" not in answer.headers["set-cookie"].split(";")[0].removeprefix("sixplane=")
        assert (await nobody.get("/")).url.path == "/"
        signed_out = await nobody.post("/sign-out")
        assert signed_out.url.path == "/sign-in"
        assert (await nobody.get("/")).url.path == "/sign-in"


async def test_a_wrong_key_is_refused_and_says_so(site):
    async with browser(site, None) as nobody:
        answer = await nobody.post("/sign-in", data={"key": "wrong", "next": "/corpora"})
        assert answer.status_code == 401
        assert words(answer, "[role=alert]") == "This key is not valid."
        assert "set-cookie" not in answer.headers


async def test_a_sign_in_leads_to_no_other_site(site):
    async with browser(site, None) as nobody:
        for wanted in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            answer = await nobody.post("/sign-in", data={"key": "ann", "next": wanted}, follow_redirects=False)
            assert answer.headers["location"] == "/"


async def test_a_forged_or_foreign_cookie_signs_nobody_in(site, tmp_path):
    async with served(tmp_path / "other", make=create_site) as other, browser(other) as elsewhere:
        foreign = elsewhere.cookies["sixplane"]
    for cookie in (foreign, "ann", "x" * 5000):
        async with httpx.AsyncClient(base_url=site, cookies={"sixplane": cookie}) as forger:
            assert (await forger.get("/")).headers["location"].startswith("/sign-in")


async def test_the_cookie_is_sealed_with_the_setting_and_survives_a_restart(home):
    given = {"server": {"session_key": "a secret of the operator", "session_hours": 1}}
    async with served(home, make=create_site, **given) as url, browser(url) as one:
        cookie = one.cookies["sixplane"]
    assert not (home / "session.key").exists()
    kept = {"sixplane": cookie}
    async with served(home, make=create_site, **given) as url, httpx.AsyncClient(base_url=url, cookies=kept) as again:
        assert (await again.get("/costs")).status_code == 200
    async with served(home, make=create_site) as url, httpx.AsyncClient(base_url=url, cookies=kept) as again:
        assert (await again.get("/costs")).status_code == 303
        await again.post("/sign-in", data={"key": "ann"}, headers={"origin": url})
    assert (home / "session.key").stat().st_mode & 0o777 == 0o600


async def test_the_cookie_opens_nothing_of_the_api(ann):
    assert (await ann.get("/")).status_code == 200
    assert (await ann.get("/v1/threads")).status_code == 401
    assert (await ann.post("/v1/chat", json={"question": "What?"})).status_code == 401


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
]


async def test_a_form_of_another_site_changes_nothing(ann):
    form = {"question": "What?", "corpus": "small", "key": "bob"}
    for headers in FOREIGN:
        for path in ("/ask", "/corpora/small/delete", "/sign-in", "/sign-out"):
            assert (await ann.post(path, data=form, headers=headers)).status_code == 403, (path, headers)
    assert words(await ann.get("/corpora/small"), ".name") == "ann"


async def test_without_authentication_a_link_of_another_site_opens_pages_but_not_the_api(home):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    frame = {**link, "sec-fetch-dest": "iframe"}
    async with served(home, make=_off, server={"auth": "off"}) as url, httpx.AsyncClient(base_url=url) as one:
        assert (await one.get("/corpora/small", headers=link)).status_code == 200
        assert (await one.get("/corpora/small", headers=frame)).status_code == 403
        assert (await one.get("/v1/corpora", headers=link)).status_code == 403
        assert (await one.post("/corpora/small/delete", headers=link)).status_code == 403
        page = await one.get("/")
        assert "Sign out" not in page.text


def _off(settings, _, **more):
    from policy.identity import Authenticator

    return create_site(settings, Authenticator(settings), **more)


async def test_the_page_can_be_switched_off(home):
    async with served(home, make=create_site, server={"page": False}) as url:
        async with browser(url, None) as nobody:
            assert [(await nobody.get(path)).status_code for path in ("/", "/sign-in", "/corpora")] == [401, 401, 401]
        async with api_client(url) as one:
            assert (await one.get("/v1/corpora")).status_code == 200


async def test_every_answer_bounds_what_the_browser_does_with_it(ann):
    for path in ("/", "/sign-in", "/threads", "/nothing", "/threads/missing", "/corpora/small"):
        headers = (await ann.get(path)).headers if path != "/nothing" else (await ann.get("/passages/x/y")).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["style-src"], policy["frame-ancestors"]) == ("'self'", "'self'", "'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
