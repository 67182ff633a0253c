"""TLS to the database: what is parsed, and real handshakes with one-way TLS and with a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import pytest

from settings import Settings, load_settings
from settings.connections.oracle_pool import connect_arguments, open_oracle_pool
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oracle.tls import CONNECT, Listener, Party, party

ADB = "adb.eu-frankfurt-1.oraclecloud.com"
DESCRIPTOR = (
    f"(description=(retry_count=20)(address=(protocol=tcps)(port=1521)(host={ADB}))"
    "(connect_data=(service_name=x_high.adb.oraclecloud.com))(security=(ssl_server_dn_match=yes)))"
)


def oracle(**given: Any) -> Settings:
    return load_settings(oracle={"dsn": DESCRIPTOR, "user": "app", "password": "secret", "connect_retries": 0, **given})


@pytest.fixture(scope="module")
def authority() -> Party:
    return party("an authority")


@pytest.fixture
def listener(tmp_path: Path, authority: Party) -> Iterator[Listener]:
    with Listener(tmp_path, party("localhost", authority)) as found:
        yield found


async def refusal(settings: Settings) -> tuple[type[Exception], str, str]:
    with pytest.raises((SettingsInvalid, DependencyUnavailable)) as caught:
        async with open_oracle_pool(settings):
            pass
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    return type(caught.value), str(caught.value), caught.value.hint


def test_tls_without_a_wallet_is_what_the_descriptor_says() -> None:
    params = connect_arguments(oracle().oracle, "x")["params"]
    assert (params.protocol, params.host, params.port) == ("tcps", ADB, 1521)
    assert (params.ssl_server_dn_match, params.ssl_server_cert_dn, params.wallet_location) == (True, None, None)
    assert params.expire_time == 4
    easy = f"tcps://{ADB}:1522/x?ssl_server_dn_match=off&retry_count=9"
    params = connect_arguments(oracle(dsn=easy, keepalive_minutes=0).oracle, "x")["params"]
    assert (params.protocol, params.port, params.ssl_server_dn_match) == ("tcps", 1522, False)
    assert (params.expire_time, params.retry_count) == (0, 0)
    named = DESCRIPTOR.replace("(ssl_server_dn_match=yes)", '(ssl_server_cert_dn="CN=adb.example, O=Oracle")')
    assert connect_arguments(oracle(dsn=named).oracle, "x")["params"].ssl_server_cert_dn == "CN=adb.example, O=Oracle"


def test_a_wallet_is_where_the_settings_say_and_its_aliases_are_found(tmp_path: Path) -> None:
    (tmp_path / "tnsnames.ora").write_text(f"research_high = {DESCRIPTOR.replace('1521', '1522')}\n")
    given = {"dsn": "research_high", "wallet_location": tmp_path, "wallet_password": "w"}
    params = connect_arguments(oracle(**given).oracle, "x")["params"]
    assert (params.host, params.port, params.wallet_location) == (ADB, 1522, str(tmp_path))


async def test_a_certificate_that_no_authority_of_this_machine_signed_is_refused(listener: Listener) -> None:
    kind, what, hint = await refusal(oracle(dsn=listener.dsn))
    assert kind is SettingsInvalid
    assert "certificate is not trusted: unable to get local issuer certificate" in what
    assert "SIXPLANE_ORACLE__CA_FILE" in hint
    assert listener.packets == []


async def test_one_way_tls_with_the_right_authority_gets_to_the_database(
    listener: Listener, authority: Party, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.public())
    kind, _, _ = await refusal(oracle(dsn=listener.dsn, ca_file=tmp_path / "ca.pem"))
    assert kind is DependencyUnavailable  # the listener hangs up after the handshake
    assert listener.packets[0][4] == CONNECT


@pytest.mark.parametrize(
    ("name", "days", "told", "remedy"),
    [
        ("other.example", 1, "for another host", "the DSN's host"),
        ("localhost", -1, "certificate has expired", "the database needs a new one"),
    ],
)
async def test_a_certificate_of_another_host_or_that_has_expired_is_refused(
    tmp_path: Path, authority: Party, name: str, days: int, told: str, remedy: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.public())
    with Listener(tmp_path, party(name, authority, days=days)) as listener:
        kind, what, hint = await refusal(oracle(dsn=listener.dsn, ca_file=tmp_path / "ca.pem"))
    assert kind is SettingsInvalid
    assert told in what
    assert remedy in hint
    assert [packet for packet in listener.packets if packet] == []


@pytest.mark.parametrize("password", ["", "a wallet's"])
async def test_a_wallet_proves_who_this_side_is(tmp_path: Path, authority: Party, password: str) -> None:
    (tmp_path / "ewallet.pem").write_bytes(party("client", authority).pem(password) + authority.public())
    given = {"wallet_location": tmp_path, "wallet_password": password}
    with Listener(tmp_path, party("localhost", authority), asks=authority) as listener:
        kind, _, _ = await refusal(oracle(dsn=listener.dsn, **given))
    assert kind is DependencyUnavailable
    assert listener.packets[0][4] == CONNECT


async def test_a_wallet_that_its_password_does_not_open_is_told_before_openssl_asks_on_the_terminal(
    tmp_path: Path, authority: Party
) -> None:
    (tmp_path / "ewallet.pem").write_bytes(party("client", authority).pem("right") + authority.public())
    for password, told in (("", "it has a password"), ("wrong", "cannot be opened")):
        kind, what, hint = await refusal(oracle(wallet_location=tmp_path, wallet_password=password))
        assert kind is SettingsInvalid
        assert told in what
        assert "SIXPLANE_ORACLE__WALLET_PASSWORD" in hint


@pytest.mark.parametrize(
    ("newest", "told"), [(TLSVersion.TLSv1_2, "TLS failed"), (TLSVersion.TLSv1_3, "hung up while the connection")]
)
async def test_a_server_that_wants_a_wallet_is_told(
    tmp_path: Path, authority: Party, newest: TLSVersion, told: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.public())
    with Listener(tmp_path, party("localhost", authority), asks=authority, newest=newest) as listener:
        _, what, hint = await refusal(oracle(dsn=listener.dsn, ca_file=tmp_path / "ca.pem"))
    assert told in what
    assert "SIXPLANE_ORACLE__WALLET_LOCATION" in hint
    assert [packet for packet in listener.packets if packet] == []


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"no certificate", "holds no certificates")])
async def test_authorities_that_cannot_be_read_are_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    kind, what, hint = await refusal(oracle(ca_file=tmp_path / "ca.pem"))
    assert kind is SettingsInvalid
    assert told in what
    assert "SIXPLANE_ORACLE__CA_FILE" in hint
