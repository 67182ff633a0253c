"""Signing in at an issuer: the code flow with PKCE against an issuer on loopback that checks what it is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from experience.page.site import create_site
from policy.identity import Authenticator
from tests.experience.http.conftest import served
from tests.experience.page.conftest import browser, words
from tests.policy.test_tokens import AUDIENCE, RSA, public

pytestmark = pytest.mark.long  # each test opens a service of its own

CLIENT = "the-page"
MOST = 64 * 1024 * 1024
"""Bytes of an answer without an end: far more than the buffers of two sockets hold."""

SECRET = "the secret of the page"


class Issuer:
    """An issuer whose people always agree. It gives a token for a code only once, and only with its verifier."""

    def __init__(self):
        issuer = self
        self.challenges, self.sent, self.claims, self.status = {}, [], {}, 200
        self.endless, self.told = False, 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(issuer.documents[self.path])

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                issuer.sent.append((form, self.headers.get("authorization", "")))
                tokens = issuer.tokens({name: values[0] for name, values in form.items()})
                if issuer.endless:
                    self.send_response(200)
                    self.end_headers()
                    with suppress(OSError):  # whoever asked has heard enough
                        while issuer.told < MOST:
                            issuer.told += self.wfile.write(b" " * 65_536)
                    return
                self.answer(tokens or {"error": "invalid_grant"}, issuer.status if tokens else 400)

            def answer(self, document, status=200):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        self.documents = {
            "/.well-known/openid-configuration": {name: f"{self.url}{path}" for name, path in places.items()},
            "/keys": {"keys": [public(RSA["one"], "one")]},
        }
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def agree(self, address: str) -> str:
        """Return where the browser comes back to from the page of the issuer."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{self.url}/authorize?")
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert (asked["client_id"], asked["scope"]) == (CLIENT, "openid sixplane/ask")
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def tokens(self, form):
        asked = self.challenges.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if not asked or asked["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            return None
        if form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(time.time())
        own = {"sub": "zoe", "tenant": "local", "roles": ["ask"], "nonce": asked["nonce"]}
        claims = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 600, **own, **self.claims}
        token = jwt.encode(claims, RSA["one"], "RS256", headers={"kid": "one"})
        return {"access_token": token, "id_token": token, "token_type": "Bearer"}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def issuer():
    served = Issuer()
    yield served
    served.close()


def settings_of(issuer, **more):
    oidc = {"issuer": issuer.url, "audience": AUDIENCE, "client_id": CLIENT, "scopes": "openid sixplane/ask"}
    return {"server": {"auth": "oidc", "oidc": {**oidc, **more}}}


def make(settings, _, **more):
    return create_site(settings, Authenticator(settings), **more)


async def to_issuer(client, wanted="/"):
    answer = await client.get("/sign-in/issuer", params={"next": wanted}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_a_person_signs_in_at_the_issuer_and_comes_back_to_the_page(home, issuer):
    given = settings_of(issuer, client_secret=SECRET)
    async with served(home, make=make, **given) as url, browser(url, None) as person:
        page = await person.get("/corpora")
        assert "Sign in with your organisation" in words(page)
        assert page.text.count("API key") == 0
        back = issuer.agree(await to_issuer(person, "/corpora"))
        answer = await person.get(back)
        assert (answer.status_code, answer.url.path) == (200, "/corpora")
        assert words(answer, ".name") == "zoe"
        _, login = issuer.sent[0]
        assert base64.b64decode(login.removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
        assert (await person.get("/costs")).status_code == 403  # the token has the role `ask` alone
        again = await person.get(back)  # a code is for one sign-in
        assert again.status_code == 401


async def test_who_did_not_begin_a_sign_in_here_cannot_end_it(home, issuer):
    async with served(home, make=make, **settings_of(issuer)) as url, browser(url, None) as one:
        stolen = issuer.agree(await to_issuer(one))
        async with browser(url, None) as other:
            assert (await other.get(stolen)).status_code == 401  # it has begun none
            await to_issuer(other)
            answer = await other.get(stolen)
            assert answer.status_code == 401
            assert "this sign-in was not begun in this browser" in words(answer, "[role=alert]")
            assert (await other.get("/")).url.path == "/sign-in"


@pytest.mark.parametrize(
    ("claims", "kind"),
    [({"aud": "another"}, "access_token"), ({"exp": 1}, "access_token"), ({"nonce": "another"}, "id_token")],
)
async def test_a_token_that_is_not_for_this_sign_in_signs_nobody_in(claims, kind, home, issuer):
    issuer.claims = claims
    async with served(home, make=make, **settings_of(issuer, sign_in_token=kind)) as url, browser(url, None) as person:
        answer = await person.get(issuer.agree(await to_issuer(person)))
        assert answer.status_code == 401
        assert (await person.get("/")).url.path == "/sign-in"


async def test_a_long_token_takes_several_cookies_which_all_end_with_the_sign_in(home, issuer):
    issuer.claims = {"groups": [hashlib.sha256(bytes([n])).hexdigest() for n in range(120)]}
    async with served(home, make=make, **settings_of(issuer)) as url, browser(url, None) as person:
        answer = await person.get(issuer.agree(await to_issuer(person)))
        assert words(answer, ".name") == "zoe"
        assert len(person.cookies) > 1
        await person.post("/sign-out")
        assert [name for name in person.cookies if name != "sixplane_signing_in"] == []


async def test_an_issuer_that_does_not_answer_is_an_outage_and_no_refusal(home, issuer):
    async with served(home, make=make, **settings_of(issuer)) as url, browser(url, None) as person:
        back = issuer.agree(await to_issuer(person))
        issuer.status = 503
        answer = await person.get(back)
        assert answer.status_code == 503
        assert "the issuer cannot be asked" in words(answer, "[role=alert]")


async def test_without_a_client_the_page_offers_no_sign_in_at_the_issuer(home, issuer):
    async with served(home, make=make, **settings_of(issuer, client_id="")) as url, browser(url, None) as person:
        assert "server.oidc.client_id" in words(await person.get("/"))
        assert (await person.get("/sign-in/issuer")).status_code == 404
