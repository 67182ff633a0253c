"""Bearer tokens: a real issuer on loopback, real keys, and every way in which a token is wrong."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from observability.audit import read_lines
from policy.identity import Authenticator, TokenVerifier
from policy.identity.issuer import FRESH_SECONDS, MAX_BYTES, RETRY_SECONDS, STALE_SECONDS, IssuerKeys
from settings import OIDCSettings, Settings, load_settings
from state.errors import DependencyUnavailable, RateLimited, SettingsInvalid, Unauthenticated
from tests.doubles.clock import Clock

RSA = {name: rsa.generate_private_key(65537, 2048) for name in ("one", "two")}
EC = ec.generate_private_key(ec.SECP256R1())
AUDIENCE = "sixplane"


def public(key, name):
    kind = jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": name, "use": "sig"}


class Issuer:
    """Serves what `answers` holds, and counts."""

    def __init__(self):
        issuer, self.asked = self, []
        self.status, self.delay, self.fail = 200, 0.0, 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                time.sleep(issuer.delay)
                self.send_response(503 if issuer.fail else issuer.status)
                issuer.fail = max(0, issuer.fail - 1)
                self.end_headers()
                self.wfile.write(issuer.answers.get(self.path, b"{}"))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.answers = {"/.well-known/openid-configuration": json.dumps({"jwks_uri": f"{self.url}/keys"}).encode()}
        self.publish(one=RSA["one"], ec=EC)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def publish(self, **keys):
        self.answers["/keys"] = json.dumps({"keys": [public(key, name) for name, key in keys.items()]}).encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def issuer():
    served = Issuer()
    yield served
    served.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Let the attempts of a fetch follow each other at once: the tests that look at the pauses pass their own clock."""
    monkeypatch.setattr("policy.identity.issuer.PAUSES_SECONDS", (0.0, 0.0))


@pytest.mark.parametrize("found", [{}, {"jwks_uri": "http://issuer.example/keys"}, {"jwks_uri": "https://[::1"}])
async def test_known_keys_outlast_a_discovery_document_that_makes_no_sense(issuer, found):
    clock = Clock()
    keys = IssuerKeys(settings_of(issuer), clock=clock)
    known = await keys.get("one", "RS256")
    issuer.answers["/.well-known/openid-configuration"] = json.dumps(found).encode()
    clock.now += FRESH_SECONDS + 1
    assert await keys.get("one", "RS256") is known
    fresh = IssuerKeys(settings_of(issuer), clock=clock)
    with pytest.raises(DependencyUnavailable):
        await fresh.get("one", "RS256")


def settings_of(served, **more):
    return OIDCSettings(**{"issuer": served.url, "audience": AUDIENCE, **more})


def token(issuer, *, key=RSA["one"], kid="one", algorithm="RS256", without=(), headers=None, **claims):
    now = int(time.time())
    given = {"iss": issuer.url, "aud": AUDIENCE, "sub": "ann@example.org", "tenant": "acme", "roles": ["ask", "delete"],
             "groups": [{"name": "staff"}, "board"], "iat": now, "exp": now + 300, **claims}  # fmt: skip
    given = {name: value for name, value in given.items() if name not in without}
    return jwt.encode(given, key, algorithm, headers={"kid": kid, **(headers or {})})


async def test_a_token_is_its_subject_s(issuer):
    verifier = TokenVerifier(settings_of(issuer))
    principal = await verifier.verify(token(issuer))
    assert (principal.id, principal.tenant, principal.method) == ("ann@example.org", "acme", "oidc")
    assert (principal.roles, principal.audiences) == (("ask", "delete"), ("staff", "board"))
    assert (await verifier.verify(token(issuer, key=EC, kid="ec", algorithm="ES256"))).tenant == "acme"
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_claims_and_roles_may_have_other_names(issuer):
    renamed = settings_of(
        issuer, jwks_url=f"{issuer.url}/keys", tenant_claim="", tenant="only", roles_claim="scope",
        role_names={"ask": "sixplane.ask"}, subject_claim="client_id",
    )  # fmt: skip
    principal = await TokenVerifier(renamed).verify(
        token(issuer, client_id="batch", scope="openid sixplane.ask admin.not", without=("sub", "tenant"))
    )
    assert (principal.id, principal.tenant, principal.roles) == ("batch", "only", ("ask",))
    assert issuer.asked == ["/keys"]


@pytest.mark.parametrize("offset", [-50, 50])
async def test_clocks_may_differ_by_the_leeway(issuer, offset):
    now = int(time.time())
    times = {"exp": now + offset, "iat": now - 300} if offset < 0 else {"nbf": now + offset, "iat": now + offset}
    assert (await TokenVerifier(settings_of(issuer)).verify(token(issuer, **times))).id


def unsigned(issuer):
    head, body = ({"alg": "none", "kid": "one"}, jwt.decode(token(issuer), options={"verify_signature": False}))
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body))
        + "."
    )


def nested():
    return base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"[" * 6_000).rstrip(b"=").decode()


def signed_with_the_public_key(issuer):
    pem = (
        RSA["one"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    import hashlib
    import hmac

    head, body, _ = token(issuer, algorithm="RS256").split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one","typ":"JWT"}').rstrip(b"=").decode()
    mac = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


HOSTILE = {
    "no algorithm": unsigned,
    "the public key as a secret": signed_with_the_public_key,
    "another issuer": lambda issuer: token(issuer, iss="https://evil.example"),
    "another audience": lambda issuer: token(issuer, aud="other"),
    "expired": lambda issuer: token(issuer, exp=int(time.time()) - 120),
    "not yet": lambda issuer: token(issuer, nbf=int(time.time()) + 120),
    "valid tomorrow": lambda issuer: token(issuer, nbf=int(time.time()) + 86_400, exp=int(time.time()) + 90_000),
    "issued tomorrow": lambda issuer: token(issuer, iat=int(time.time()) + 86_400, exp=int(time.time()) + 90_000),
    "expires never": lambda issuer: token(issuer, exp=float("inf")),
    "valid from no time": lambda issuer: token(issuer, nbf=float("nan")),
    "expires in a list": lambda issuer: token(issuer, exp=[1]),
    "nested header": lambda issuer: nested() + ".e30.x",
    "nested claims": lambda issuer: token(issuer).replace(token(issuer).split(".")[1], nested()),
    "critical extension": lambda issuer: token(issuer, headers={"crit": ["spy"], "spy": 1}),
    "issued later": lambda issuer: token(issuer, iat=int(time.time()) + 120),
    "another's signature": lambda issuer: token(issuer, key=RSA["two"]),
    "another's key id": lambda issuer: token(issuer, key=RSA["two"], kid="ec"),
    "unknown key id": lambda issuer: token(issuer, kid="nobody"),
    "no expiry": lambda issuer: token(issuer, without=("exp",)),
    "no subject": lambda issuer: token(issuer, without=("sub",)),
    "empty subject": lambda issuer: token(issuer, sub=""),
    "long subject": lambda issuer: token(issuer, sub="x" * 300),
    "no tenant": lambda issuer: token(issuer, without=("tenant",)),
    "tenant is a path": lambda issuer: token(issuer, tenant="../acme"),
    "tenant is empty": lambda issuer: token(issuer, tenant=""),
    "tenant is a number": lambda issuer: token(issuer, tenant=7),
    "tenant is a list": lambda issuer: token(issuer, tenant=["acme"]),
    "truncated": lambda issuer: token(issuer)[:-10],
    "no token": lambda issuer: "x.y.z",
    "huge": lambda issuer: token(issuer, more="x" * 20_000),
    "changed": lambda issuer: token(issuer).replace(".", ".A", 1),
}  # fmt: skip


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_token_is_nobody_s_and_is_not_repeated(issuer, forge):
    forged = forge(issuer)
    with pytest.raises(Unauthenticated) as caught:
        await TokenVerifier(settings_of(issuer)).verify(forged)
    assert forged not in str(caught.value)
    assert caught.value.hint


async def test_forged_tokens_are_counted_as_failed_log_ins_and_expired_ones_are_not(issuer, tmp_path):
    server = {"auth": "oidc", "oidc": settings_of(issuer).model_dump(), "failed_logins_per_address": 3}
    authenticate = Authenticator(Settings(home=tmp_path, server=server))
    for forge, told in (("expired", "ExpiredSignatureError"), ("another's signature", "InvalidSignatureError")):
        for _ in range(4):
            with pytest.raises(Unauthenticated, match=told):
                await authenticate(f"Bearer {HOSTILE[forge](issuer)}", "203.0.113.7")
    with pytest.raises(RateLimited):
        await authenticate(f"Bearer {token(issuer)}", "203.0.113.7")
    # Whoever has an old token may send it as often as he likes: a line for each would fill the disk.
    assert [each["reason"] for each in read_lines(tmp_path / "audit.jsonl")] == ["unauthenticated"] * (1 + 4)
    assert (await authenticate(f"Bearer {token(issuer)}", "203.0.113.8")).tenant == "acme"


async def test_a_role_that_is_not_ours_is_none(issuer):
    assert (await TokenVerifier(settings_of(issuer)).verify(token(issuer, roles=["root", 7, None]))).roles == ()


async def test_keys_rotate_and_forged_names_do_not_hammer_the_issuer(issuer):
    clock = Clock()
    verifier = TokenVerifier(settings_of(issuer), IssuerKeys(settings_of(issuer), clock=clock))
    await verifier.verify(token(issuer))
    issuer.publish(two=RSA["two"])
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token(issuer, kid="two", key=RSA["two"]))
    assert issuer.asked.count("/keys") == 1
    clock.now += RETRY_SECONDS + 1
    assert (await verifier.verify(token(issuer, kid="two", key=RSA["two"]))).tenant == "acme"
    with pytest.raises(Unauthenticated):
        await verifier.verify(token(issuer))
    assert issuer.asked.count("/keys") == 2


async def test_known_keys_serve_while_the_issuer_is_down_and_not_for_ever(issuer):
    clock = Clock()
    verifier = TokenVerifier(settings_of(issuer), IssuerKeys(settings_of(issuer), clock=clock))
    lasting = token(issuer)
    await verifier.verify(lasting)
    issuer.status = 500
    clock.now += FRESH_SECONDS + 1
    assert (await verifier.verify(lasting)).tenant == "acme"
    clock.now += STALE_SECONDS
    with pytest.raises(DependencyUnavailable, match="cannot be fetched"):
        await verifier.verify(lasting)


@pytest.mark.parametrize(
    "keys", [b"<html>", b"[]", b'{"keys": []}', b'{"keys": 7}', b"{" + b" " * MAX_BYTES + b"}"], ids=range(5)
)
async def test_keys_that_are_none_are_an_outage(issuer, keys):
    issuer.answers["/keys"] = keys
    with pytest.raises(DependencyUnavailable):
        await TokenVerifier(settings_of(issuer)).verify(token(issuer))


async def test_a_silent_issuer_is_given_up(issuer, monkeypatch):
    monkeypatch.setattr("policy.identity.issuer.TIMEOUT_SECONDS", 0.1)
    issuer.delay = 0.5
    with pytest.raises(DependencyUnavailable):
        await TokenVerifier(settings_of(issuer)).verify(token(issuer))


@pytest.mark.parametrize(
    "given",
    [{"issuer": ""}, {"audience": ""}, {"issuer": "http://issuer.example"}, {"jwks_url": "http://keys.example"}],
)
def test_settings_that_are_not_safe_are_refused(issuer, given):
    with pytest.raises(SettingsInvalid):
        TokenVerifier(settings_of(issuer, **given))


@pytest.mark.parametrize("algorithms", [("HS256",), ("none",), ("RS256", "HS256"), ("rs256",), ()])
def test_algorithms_that_are_not_asymmetric_are_refused_with_the_settings(algorithms):
    with pytest.raises(SettingsInvalid, match=r"server\.oidc\.algorithms") as caught:
        load_settings(server={"oidc": {"algorithms": algorithms}})
    assert caught.value.hint


@pytest.mark.parametrize(
    "more",
    [{"use": "enc"}, {"use": "tls"}, {"key_ops": ["encrypt", "wrapKey"]}, {"key_ops": "verify"}, {"alg": "PS256"}],
)
async def test_a_key_that_is_for_something_else_verifies_no_token(issuer, more):
    found = {**public(RSA["one"], "one"), **more}
    issuer.answers["/keys"] = json.dumps({"keys": [found, public(EC, "ec")]}).encode()
    with pytest.raises(Unauthenticated):
        await TokenVerifier(settings_of(issuer, algorithms=("RS256", "PS256"))).verify(token(issuer))


@pytest.mark.filterwarnings("ignore:The RSA key")
async def test_an_rsa_key_that_can_be_factored_verifies_no_token(issuer):
    short = rsa.generate_private_key(65537, 1024)
    issuer.publish(short=short, ec=EC)
    with pytest.raises(Unauthenticated):
        await TokenVerifier(settings_of(issuer)).verify(token(issuer, key=short, kid="short"))


@pytest.mark.parametrize("more", [{"use": None}, {"key_ops": ["verify"]}, {"alg": "RS256"}, {"alg": None}])
async def test_a_key_for_signatures_is_taken(issuer, more):
    found = {name: value for name, value in {**public(RSA["one"], "one"), **more}.items() if value is not None}
    issuer.answers["/keys"] = json.dumps({"keys": [found]}).encode()
    assert (await TokenVerifier(settings_of(issuer)).verify(token(issuer))).tenant == "acme"


class Waits:
    """Stands for `asyncio.sleep`; moves the clock instead of waiting."""

    def __init__(self, clock):
        self.clock, self.slept = clock, []

    async def __call__(self, seconds):
        self.slept.append(seconds)
        self.clock.now += seconds


async def test_a_first_fetch_that_fails_once_is_retried_within_the_request(issuer):
    clock = Clock()
    waits = Waits(clock)
    verifier = TokenVerifier(settings_of(issuer), IssuerKeys(settings_of(issuer), clock=clock, sleep=waits))
    issuer.fail = 1
    assert (await verifier.verify(token(issuer))).tenant == "acme"
    assert len(waits.slept) == 1


async def test_an_issuer_that_comes_back_is_asked_again_after_a_growing_pause(issuer):
    clock = Clock()
    keys = IssuerKeys(settings_of(issuer), clock=clock, sleep=Waits(clock))
    issuer.status, asked = 500, []
    for _ in range(200):  # 200 requests, one in each half second
        with pytest.raises(DependencyUnavailable):
            await keys.get("one", "RS256")
        if len(issuer.asked) != (asked[-1][1] if asked else 0):
            asked.append((clock.now, len(issuer.asked)))
        clock.now += 0.5
    pauses = [later - before for (before, _), (later, _) in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 2
    assert max(pauses) >= RETRY_SECONDS
    issuer.status = 200
    clock.now += RETRY_SECONDS
    assert await keys.get("one", "RS256")


async def test_an_issuer_that_fails_for_a_moment_is_no_outage_of_thirty_seconds(issuer):
    clock = Clock()
    keys = IssuerKeys(settings_of(issuer), clock=clock, sleep=Waits(clock))
    issuer.status = 500
    with pytest.raises(DependencyUnavailable):
        await keys.get("one", "RS256")
    issuer.status = 200
    clock.now += 1
    assert await keys.get("one", "RS256")
