"""A login by a database token of IAM: the real SDK and driver, against the local OCI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oci
import oracledb
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from oracledb.plugins import oci_tokens

from settings import Settings, load_settings
from settings.connections import oracle_tokens
from settings.connections.oracle_pool import connect_arguments, open_oracle_pool, oracle_secret, pool_arguments
from settings.connections.oracle_tokens import open_tokens
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci.server import COMPARTMENT

OPERATION = "generateScopedAccessToken"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return write_keys(folder), folder / "config"


@pytest.fixture(scope="module")
def iam(keys: tuple[Any, Path]) -> Iterator[LocalOCI]:
    with LocalOCI(lambda _: "", embed="hash", key=keys[0]) as found:
        yield found


@pytest.fixture
def settings(iam: LocalOCI, keys: tuple[Any, Path]) -> Settings:
    iam.forget()
    return settings_for(iam.url, keys[1])


def settings_for(endpoint: str, config: Path, **given: Any) -> Settings:
    return load_settings(
        oci={"config_file": config, "compartment_id": COMPARTMENT},
        oracle={"dsn": "tcps://db.example:1521/x", "auth": "token", "token_endpoint": endpoint, **given},
    )


def test_a_token_is_asked_for_with_a_signature_and_reused_until_it_expires(
    settings: Settings, iam: LocalOCI, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = open_tokens(settings)
    token, private = tokens()
    assert tokens() == (token, private)
    (call,) = iam.of(OPERATION)
    assert call.body["scope"] == "urn:oracle:db::id::*"
    assert call.headers["authorization"].startswith("Signature ")
    public = load_pem_private_key(private.encode(), None).public_key()
    assert load_pem_public_key(call.body["publicKey"].encode()) == public
    assert tokens(True)[0] != token  # the driver says that it is no longer accepted
    assert len(iam.of(OPERATION)) == 2
    monkeypatch.setattr(oracle_tokens, "SPARE_SECONDS", 3601)  # an hour has passed
    tokens()
    assert len(iam.of(OPERATION)) == 3


def test_the_driver_takes_the_token_and_no_password(settings: Settings) -> None:
    secret = oracle_secret(settings)
    found = pool_arguments(settings.oracle, secret)
    assert found["access_token"] is secret
    assert not {"user", "password"} & set(found)
    params = oracledb.ConnectParams(access_token=secret(False))
    assert params.externalauth
    named = settings.oracle.model_copy(update={"user": "app[keeper]"})
    assert connect_arguments(named, secret)["user"] == "[KEEPER]"
    plain = settings.oracle.model_copy(update={"user": "app"})
    assert "user" not in connect_arguments(plain, secret)


async def test_a_token_travels_over_tls_alone(keys: tuple[Any, Path], iam: LocalOCI) -> None:
    settings = settings_for(iam.url, keys[1], dsn="127.0.0.1:9/x", connect_retries=0)
    with pytest.raises(SettingsInvalid, match="DPY-2034") as caught:
        async with open_oracle_pool(settings):
            pass
    assert "tcps" in caught.value.hint


@pytest.mark.parametrize(("status", "told"), [(404, "answered 404"), (401, "answered 401")])
async def test_a_refusal_names_what_has_to_be_granted(
    settings: Settings, iam: LocalOCI, status: int, told: str
) -> None:
    iam.faults.add(Fault("status", path=OPERATION, status=status))
    with pytest.raises(DependencyUnavailable, match=told) as caught:
        async with open_oracle_pool(settings):
            pass
    assert "database-connections" in caught.value.hint


def test_iam_that_cannot_be_reached_or_answers_nonsense_is_told(
    settings: Settings, iam: LocalOCI, keys: tuple[Any, Path]
) -> None:
    with pytest.raises(DependencyUnavailable, match="cannot be reached") as caught:
        open_tokens(settings_for("http://127.0.0.1:9", keys[1]))
    assert "TOKEN_ENDPOINT" in caught.value.hint
    iam.faults.add(Fault("status", path=OPERATION, status=200, body={"token": "no token"}))
    with pytest.raises(DependencyUnavailable, match="cannot be read"):
        open_tokens(settings)


def test_without_a_session_of_oci_there_is_no_token(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no OCI configuration file"):
        open_tokens(settings_for("", tmp_path / "none"))


def test_the_drivers_plug_in_asks_for_the_same(
    settings: Settings, iam: LocalOCI, keys: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not used, since it has no time limit and knows no pod of OKE: but what it sends is what we send."""
    real = oci.identity_data_plane.DataplaneClient
    monkeypatch.setattr(
        oci.identity_data_plane, "DataplaneClient", lambda config: real(config, service_endpoint=iam.url)
    )
    monkeypatch.setattr(oci_tokens.rsa, "generate_private_key", _smaller(oci_tokens.rsa.generate_private_key))
    asked = {"auth_type": "ConfigFileAuthentication", "file_location": str(keys[1])}
    theirs = oci_tokens.generate_token(asked)
    monkeypatch.undo()
    ours = open_tokens(settings)()
    first, second = iam.of(OPERATION)
    assert set(first.body) == set(second.body)
    assert (first.body["scope"], first.target) == (second.body["scope"], second.target)
    for _, private in (theirs, ours):
        assert private.startswith("-----BEGIN PRIVATE KEY-----\n")
        assert oracledb.ConnectParams(access_token=(ours[0], private)).externalauth


def _smaller(real: Any) -> Any:
    """Return what makes keys of half the size, which takes a fraction of the time."""
    return lambda public_exponent, key_size: real(public_exponent=public_exponent, key_size=key_size // 2)
