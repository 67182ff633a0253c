"""Failed log-ins are counted for each address and each key, and each that is too much has to wait longer."""

from __future__ import annotations

import logging

import pytest

from policy.identity import ApiKeys, Authenticator, Permission
from policy.identity.failures import FORGET_SECONDS, KEPT, MOST_SECONDS, FailedLogins, Source
from settings import Settings
from state.errors import RateLimited, Unauthenticated
from tests.doubles.clock import Clock

ADDRESS, OTHER = "203.0.113.7", "198.51.100.1"
FREE = 3


class Counting(ApiKeys):
    """The API keys; counts how many texts are compared."""

    compared = 0

    async def verify(self, text):
        self.compared += 1
        return await super().verify(text)


@pytest.fixture
async def keys(tmp_path):
    opened = Counting(Settings(home=tmp_path))
    yield opened
    await opened.aclose()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authenticate(tmp_path, keys, clock):
    given = {"failed_logins_per_address": FREE, "failed_logins_per_key": FREE}
    return Authenticator(Settings(home=tmp_path, server=given), keys=keys, clock=clock)


def wrong(number, key_id=None):
    """Return the header of a wrong key: another secret of a key, or a key that does not exist."""
    return f"Bearer sp_{key_id or format(number, '012x')}_{str(number).zfill(43)}"


async def fail(authenticate, times, address=ADDRESS, key_id=None, start=0):
    for number in range(start, start + times):
        with pytest.raises(Unauthenticated):
            await authenticate(wrong(number, key_id), address)


async def test_an_address_that_fails_too_often_has_to_wait_and_nothing_more_is_compared(authenticate, keys, clock):
    await fail(authenticate, FREE + 1)
    compared = keys.compared
    with pytest.raises(RateLimited) as caught:
        await authenticate(wrong(99), ADDRESS)
    assert keys.compared == compared
    assert caught.value.retry_after >= 1
    assert ADDRESS not in str(caught.value)
    clock.now += caught.value.retry_after
    await fail(authenticate, 1, start=99)


async def test_the_wait_doubles_up_to_its_limit_and_is_forgotten(authenticate, clock):
    await fail(authenticate, FREE)
    waits = []
    for number in range(10):
        await fail(authenticate, 1, start=100 + number)
        with pytest.raises(RateLimited) as caught:
            await authenticate(wrong(99), ADDRESS)
        waits.append(caught.value.retry_after)
        clock.now += waits[-1]
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert waits[-1] == max(waits) == MOST_SECONDS
    clock.now += FORGET_SECONDS
    await fail(authenticate, FREE, start=200)


async def test_another_address_is_not_slowed(authenticate):
    await fail(authenticate, FREE + 1)
    await fail(authenticate, FREE, OTHER, start=50)


async def test_a_key_is_guarded_against_many_addresses(authenticate, keys):
    key, text = await keys.create("acme", "ann", [Permission.ASK])
    for number in range(FREE + 1):
        await fail(authenticate, 1, f"203.0.113.{number}", key.key_id, start=number)
    with pytest.raises(RateLimited):
        await authenticate(wrong(99, key.key_id), OTHER)
    with pytest.raises(RateLimited):  # a key that was never right before is a guess like any other
        await authenticate(f"Bearer {text}", OTHER)


async def test_whoever_was_right_before_is_not_locked_out_by_others(authenticate, keys):
    key, text = await keys.create("acme", "ann", [Permission.ASK])
    assert (await authenticate(f"Bearer {text}", ADDRESS)).id == "ann"
    for number in range(3):
        await fail(authenticate, FREE + 1, f"203.0.113.{number}", start=10 * number)
    await fail(authenticate, FREE, OTHER, key.key_id)
    await fail(authenticate, 1, "192.0.2.1", key.key_id)
    with pytest.raises(RateLimited):
        await authenticate(wrong(99, key.key_id), ADDRESS)
    assert (await authenticate(f"Bearer {text}", ADDRESS)).id == "ann"
    assert (await authenticate(f"Bearer {text}", "203.0.113.1")).id == "ann"


async def test_a_revoked_key_is_refused_and_counted_although_it_was_right_before(authenticate, keys):
    key, text = await keys.create("acme", "ann", [Permission.ASK])
    await authenticate(f"Bearer {text}", ADDRESS)
    await keys.revoke(key.key_id)
    for _ in range(FREE + 1):
        with pytest.raises(Unauthenticated):
            await authenticate(f"Bearer {text}", ADDRESS)
    with pytest.raises(RateLimited):
        await authenticate(f"Bearer {text}", ADDRESS)


async def test_a_request_without_credentials_is_no_log_in(authenticate):
    for header in (None, "", "Bearer ", "Basic YTpi"):
        for _ in range(2 * FREE):
            with pytest.raises(Unauthenticated):
                await authenticate(header, ADDRESS)
    await fail(authenticate, FREE)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # a customer has a whole /64
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("203.0.113.7:4711", "203.0.113.7", True),  # as some proxies name a client
        ("[2001:db8:1:2::1]:4711", "2001:db8:1:2::1", True),
    ],
)
async def test_addresses_of_one_sender_are_one(authenticate, one, two, same):
    await fail(authenticate, FREE + 1, one)
    with pytest.raises(RateLimited if same else Unauthenticated):
        await authenticate(wrong(50), two)


@pytest.mark.parametrize("address", ["", "unix", "x" * 9_000])
async def test_a_sender_without_an_address_is_told_by_its_key_only(authenticate, address):
    await fail(authenticate, 2 * FREE, address)
    await fail(authenticate, FREE + 1, address, "f" * 12, start=50)
    with pytest.raises(RateLimited):
        await authenticate(wrong(99, "f" * 12), address)


async def test_failures_are_logged_without_address_and_secret(authenticate, caplog):
    with caplog.at_level(logging.WARNING, logger="sixplane.access"):
        await fail(authenticate, FREE + 1)
    assert len(caplog.messages) == FREE + 1
    assert "failed log-in 4" in caplog.text
    assert ADDRESS not in caplog.text
    assert "0" * 40 not in caplog.text


def test_what_is_remembered_is_bounded(clock):
    failures = FailedLogins(per_address=1, per_key=1, clock=clock)
    for number in range(KEPT + 100):
        failures.failed((Source("address", str(number)),), b"x")
        failures.succeeded((), number.to_bytes(4, "big"))
    assert failures.size <= 2 * KEPT
