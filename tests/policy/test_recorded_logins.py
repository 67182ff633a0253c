"""Log-ins are in the audit trail: each that fails, and the first of a principal in an hour."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from observability.audit import check_trail, read_lines
from policy.identity import ApiKeys, Authenticator, Permission
from policy.identity.logins import AGAIN_SECONDS
from settings import Settings
from state.errors import AuditUnavailable, RateLimited, Unauthenticated
from tests.doubles.clock import Clock

ADDRESS = "203.0.113.7"


@pytest.fixture
async def keys(tmp_path):
    opened = ApiKeys(Settings(home=tmp_path))
    yield opened
    await opened.aclose()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def authenticate(tmp_path, keys, clock):
    given = {"failed_logins_per_address": 100, "failed_logins_per_key": 100}
    opened = Authenticator(Settings(home=tmp_path, server=given), keys=keys, clock=clock)
    yield opened
    await opened.aclose()


def lines(home):
    assert check_trail(home / "audit.jsonl").fault is None
    return list(read_lines(home / "audit.jsonl"))


async def test_a_log_in_is_recorded_once_an_hour_for_each_principal_and_key(tmp_path, authenticate, keys, clock):
    made = [await keys.create("acme", name, [Permission.ASK]) for name in ("ann", "ann", "bob")]
    for _ in range(5):
        for _, text in made:
            await authenticate(f"Bearer {text}", ADDRESS)
    found = lines(tmp_path)
    assert [(each["principal"], each["object"]) for each in found] == [
        (key.principal, f"key:{key.key_id}") for key, _ in made
    ]
    assert {(each["kind"], each["tenant"], each["method"], each["outcome"]) for each in found} == {
        ("login", "acme", "api_key", "done")
    }
    assert found[0]["ids"] == [f"address:{ADDRESS}"]
    clock.now += AGAIN_SECONDS
    await authenticate(f"Bearer {made[2][1]}", ADDRESS)
    assert [each["principal"] for each in lines(tmp_path)[3:]] == ["bob"]


async def test_every_failed_log_in_is_recorded_without_its_credentials(tmp_path, authenticate, keys):
    key, text = await keys.create("acme", "ann", [Permission.ASK])
    guessed = f"sp_{key.key_id}_{'g' * 43}"
    for given in (guessed, guessed, "a.b.c"):
        with pytest.raises(Unauthenticated):
            await authenticate(f"Bearer {given}", ADDRESS)
    for given in (None, "Basic x"):  # no log-in was tried
        with pytest.raises(Unauthenticated):
            await authenticate(given, ADDRESS)
    found = lines(tmp_path)
    assert [(each["outcome"], each["reason"], each["object"], each["principal"]) for each in found] == [
        ("refused", "unauthenticated", f"key:{key.key_id}", ""),
        ("refused", "unauthenticated", f"key:{key.key_id}", ""),
        ("refused", "unauthenticated", "token", ""),
    ]
    assert "ggg" not in (tmp_path / "audit.jsonl").read_text()
    assert text not in (tmp_path / "audit.jsonl").read_text()


async def test_requests_that_have_to_wait_fill_no_disk(tmp_path, keys, clock):
    given = {"failed_logins_per_address": 3, "failed_logins_per_key": 3}
    authenticate = Authenticator(Settings(home=tmp_path, server=given), keys=keys, clock=clock)
    for number in range(100):
        with pytest.raises((Unauthenticated, RateLimited)):
            await authenticate(f"Bearer sp_{number:012x}_{'x' * 43}", ADDRESS)
    assert len(lines(tmp_path)) == 4


async def test_nobody_is_logged_in_without_a_line(tmp_path, authenticate, keys):
    _, text = await keys.create("acme", "ann", [Permission.ASK], lifetime=timedelta(days=1))
    (tmp_path / "audit.jsonl").mkdir()
    for _ in range(2):
        with pytest.raises(AuditUnavailable):
            await authenticate(f"Bearer {text}", ADDRESS)
    (tmp_path / "audit.jsonl").rmdir()
    assert (await authenticate(f"Bearer {text}", ADDRESS)).id == "ann"
    assert len(lines(tmp_path)) == 1


async def test_many_first_requests_with_one_key_at_once_are_one_line(keys, authenticate, tmp_path):
    _, key = await keys.create("local", "ann", [Permission.ASK])
    await asyncio.gather(*(authenticate(f"Bearer {key}", ADDRESS) for _ in range(20)))
    assert [line["outcome"] for line in lines(tmp_path)] == ["done"]
    assert authenticate._logins._recording == {}
