"""API keys: shown once, kept as a hash, valid until revoked or expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.identity import ApiKeys, Authenticator, Permission
from policy.identity.authenticator import LOCAL
from settings import Settings
from state.errors import BadInput, Forbidden, KeyMissing, NameInvalid, SettingsInvalid, Unauthenticated


@pytest.fixture
async def keys(tmp_path):
    opened = ApiKeys(Settings(home=tmp_path))
    yield opened
    await opened.aclose()


async def test_a_key_is_its_principal_s_and_only_its_hash_is_kept(keys, tmp_path):
    key, text = await keys.create("acme", "ann", [Permission.ASK, Permission.ASK], audiences=("staff",))
    principal = await keys.verify(text)
    assert (principal.id, principal.tenant, principal.roles) == ("ann", "acme", (Permission.ASK,))
    assert (principal.audiences, principal.method) == (("staff",), "api_key")
    assert await keys.list("acme") == [key]
    assert await keys.list("other") == []
    secret = text.rpartition("_")[2] if "_" not in text[16:] else text[16:]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.encode() not in kept
    assert key.key_id.encode() in kept
    assert (tmp_path / "keys.db").is_file()


async def test_a_revoked_or_expired_key_is_valid_no_more(keys):
    key, text = await keys.create("acme", "ann", [Permission.ASK])
    await keys.revoke(key.key_id)
    _, expired = await keys.create("acme", "ann", [Permission.ASK], lifetime=timedelta(microseconds=1))
    _, lasting = await keys.create("acme", "ann", [Permission.ASK], lifetime=timedelta(days=1))
    for dead in (text, expired):
        with pytest.raises(Unauthenticated, match="not valid"):
            await keys.verify(dead)
    assert (await keys.verify(lasting)).id == "ann"
    with pytest.raises(KeyMissing):
        await keys.revoke(key.key_id)


class Now:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
async def timed(tmp_path):
    now = Now()
    opened = ApiKeys(Settings(home=tmp_path), now=now)
    yield opened, now
    await opened.aclose()


async def test_a_rotated_key_and_its_successor_are_both_valid_until_the_overlap_ends(timed):
    keys, now = timed
    old, old_text = await keys.create(
        "acme", "ann", [Permission.ASK], audiences=("staff",), lifetime=timedelta(days=90)
    )
    now.now += timedelta(days=80)
    new, new_text = await keys.rotate(old.key_id, overlap=timedelta(hours=24))
    assert new_text != old_text
    assert await keys.verify(old_text) == await keys.verify(new_text)
    assert (new.audiences, new.expires_at) == (("staff",), (now.now + timedelta(days=90)).isoformat())
    now.now += timedelta(hours=24)
    with pytest.raises(Unauthenticated):
        await keys.verify(old_text)
    assert (await keys.verify(new_text)).id == "ann"


async def test_an_overlap_never_lengthens_a_key_s_life(timed):
    keys, now = timed
    old, old_text = await keys.create("acme", "ann", [Permission.ASK], lifetime=timedelta(hours=1))
    new, _ = await keys.rotate(old.key_id, overlap=timedelta(days=30), lifetime=timedelta(days=7))
    assert new.expires_at == (now.now + timedelta(days=7)).isoformat()
    now.now += timedelta(hours=1)
    with pytest.raises(Unauthenticated):
        await keys.verify(old_text)


async def test_a_key_without_an_end_gets_one_when_it_is_rotated(timed):
    keys, _ = timed
    old, old_text = await keys.create("acme", "ann", [Permission.ASK])
    new, _ = await keys.rotate(old.key_id, overlap=timedelta(0))
    assert new.expires_at is None
    with pytest.raises(Unauthenticated):
        await keys.verify(old_text)


async def test_a_key_that_is_valid_no_more_cannot_be_rotated(timed):
    keys, now = timed
    revoked, _ = await keys.create("acme", "ann", [Permission.ASK])
    await keys.revoke(revoked.key_id)
    expired, _ = await keys.create("acme", "ann", [Permission.ASK], lifetime=timedelta(hours=1))
    now.now += timedelta(hours=1)
    for key_id in (revoked.key_id, expired.key_id, "000000000000"):
        with pytest.raises(KeyMissing, match="could be rotated"):
            await keys.rotate(key_id, overlap=timedelta(hours=1))
    assert len(await keys.list()) == 2


async def test_a_wrong_secret_and_another_key_s_secret_say_nothing(keys):
    (_, one), (_, two) = [await keys.create("acme", name, [Permission.ASK]) for name in ("ann", "bob")]
    for wrong in (
        one[:16] + two[16:],
        one[:-1] + ("A" if one[-1] != "A" else "B"),
        "sp_" + "0" * 12 + one[15:],
        one + "x",
    ):
        with pytest.raises(Unauthenticated) as caught:
            await keys.verify(wrong)
        assert caught.value.message == "the API key is not valid"
        assert wrong not in str(caught.value)


@pytest.mark.parametrize("audience", ["", "*", " staff", "st\u200baff", "x" * 201])
async def test_an_audience_that_no_document_can_have_is_refused(keys, audience):
    with pytest.raises(BadInput, match="audience"):
        await keys.create("acme", "ann", [Permission.ASK], audiences=["staff", audience])
    assert await keys.list() == []


@pytest.mark.parametrize("names", [("a/b", "ann"), ("acme", "../x"), ("", "ann")])
async def test_tenant_and_principal_are_names(keys, names):
    with pytest.raises(NameInvalid):
        await keys.create(*names, [Permission.ASK])
    assert await keys.list() == []


async def test_the_header_says_what_is_taken(tmp_path):
    authenticate = Authenticator(Settings(home=tmp_path))
    keys = ApiKeys(Settings(home=tmp_path))
    _, text = await keys.create("acme", "ann", [Permission.ASK])
    for header in (f"Bearer {text}", f"bearer  {text} "):
        assert (await authenticate(header)).id == "ann"
    for header in (None, "", "Bearer", f"Basic {text}", text, "Bearer eyJhbGciOiJub25lIn0.e30."):
        with pytest.raises(Unauthenticated) as caught:
            await authenticate(header)
        assert "Authorization" in caught.value.hint
    await authenticate.aclose()
    await keys.aclose()


class Verifying:
    """Stands for the verifier of tokens; takes every token."""

    async def verify(self, text):
        return LOCAL.model_copy(update={"id": "token's"})


@pytest.mark.parametrize(
    ("mode", "takes_keys", "takes_tokens"), [("keys", True, False), ("oidc", False, True), ("both", True, True)]
)
async def test_each_mode_takes_its_own_credentials_and_no_others(tmp_path, mode, takes_keys, takes_tokens):
    keys = ApiKeys(Settings(home=tmp_path))
    _, text = await keys.create("acme", "ann", [Permission.ASK])
    oidc = {"issuer": "https://issuer.example", "audience": "sixplane", "jwks_url": "https://issuer.example/keys"}
    settings = Settings(home=tmp_path, server={"auth": mode, "oidc": oidc})
    authenticate = Authenticator(settings, keys=keys, tokens=Verifying())
    for credentials, taken, who in ((text, takes_keys, "ann"), ("eyJh.e30.x", takes_tokens, "token's")):
        if taken:
            assert (await authenticate(f"Bearer {credentials}")).id == who
            continue
        with pytest.raises(Unauthenticated):
            await authenticate(f"Bearer {credentials}")
    await keys.aclose()


def test_no_header_makes_anybody_somebody(tmp_path_factory):
    import asyncio

    authenticate = Authenticator(Settings(home=tmp_path_factory.mktemp("home")))

    @given(st.text(max_size=120) | st.from_regex(r"Bearer sp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
    def hostile(header):
        with pytest.raises(Unauthenticated):
            asyncio.run(authenticate(header))

    hostile()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
async def test_without_authentication_everybody_on_loopback_is_the_administrator(tmp_path, host, caplog):
    authenticate = Authenticator(Settings(home=tmp_path, server={"auth": "off", "host": host}))
    assert await authenticate(None) == LOCAL
    assert "authentication is off" in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "example.org", "::"])
def test_authentication_is_never_off_beyond_loopback(tmp_path, host):
    with pytest.raises(SettingsInvalid, match="cannot be off"):
        Authenticator(Settings(home=tmp_path, server={"auth": "off", "host": host}))


def test_a_permission_is_had_or_missed():
    ann = LOCAL.model_copy(update={"roles": (Permission.ASK,)})
    ann.require(Permission.ASK)
    with pytest.raises(Forbidden, match="'ingest'"):
        ann.require(Permission.INGEST)
    for permission in Permission:
        LOCAL.require(permission)
