"""Opening a session: which configuration is used, what the errors say, and which timeouts the clients have."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from oci.generative_ai_inference import GenerativeAiInferenceClient
from oci.monitoring import MonitoringClient
from oci.retry import NoneRetryStrategy

from settings import load_settings
from settings.connections.oci_inference import InferenceClients
from settings.connections.oci_session import open_oci_session
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oci.configuration import KEY, PASSPHRASE, Files, encrypted, opened
from tests.doubles.oci.server import COMPARTMENT, REGION, TENANCY, USER
from tests.doubles.oci.signature import fingerprint_of

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_configuration_file_its_place_and_the_remedy_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"no OCI configuration file `.*\.oci/config`") as caught:
        open_oci_session(load_settings(oci={"compartment_id": COMPARTMENT}))
    assert "oci setup config" in caught.value.hint
    assert "SIXPLANE_OCI__CONFIG_FILE" in caught.value.hint


def test_a_key_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path / "oci").write()
    refuse = PermissionError(13, "Permission denied", "key.pem")

    def read_text(*_: object, **__: object) -> str:
        raise refuse

    settings = load_settings(oci={"config_file": files.config, "compartment_id": COMPARTMENT})
    monkeypatch.setattr(Path, "read_text", read_text)
    with pytest.raises(SettingsInvalid, match=r"key\.pem` cannot be read: Permission denied"):
        open_oci_session(settings)


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ("resource_principal", ("resource principal", "inside an OCI resource")),
        ("oke_workload_identity", ("OKE workload identity", "OKE cluster")),
    ],
)
def test_principals_outside_oci_say_where_they_work(
    auth: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OCI_RESOURCE_PRINCIPAL_VERSION", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DependencyUnavailable) as caught:
        open_oci_session(load_settings(oci={"auth": auth, "compartment_id": COMPARTMENT, "region": REGION}))
    assert words[0] in caught.value.message
    assert words[1] in caught.value.hint
    assert "SIXPLANE_OCI__AUTH=api_key" in caught.value.hint


OUTSIDE = """
import settings.connections.oci_session as session
from settings import load_settings
from state.errors import DependencyUnavailable
session.PRINCIPAL_SECONDS = 1.0
try:
    outside = load_settings(oci={"auth": "instance_principal", "compartment_id": "ocid1.tenancy.oc1..x"})
    session.open_oci_session(outside)
except DependencyUnavailable as error:
    print(error.message, error.hint)
"""


@pytest.mark.parametrize("behaviour", ["refuses", "hangs"])
def test_an_instance_principal_without_its_metadata_service_fails_in_bounded_time(behaviour: str) -> None:
    """The SDK alone takes 90 seconds where connections are refused, and three minutes where nothing answers."""
    with socket.socket() as metadata:
        metadata.bind(("127.0.0.1", 0))
        if behaviour == "hangs":
            metadata.listen()
        url = f"http://127.0.0.1:{metadata.getsockname()[1]}/opc/v2"
        done = subprocess.run(  # a process of its own: the attempts that are given up go on in a thread
            [sys.executable, "-c", OUTSIDE],
            env={**os.environ, "OCI_METADATA_BASE_URL": url, "NO_PROXY": "127.0.0.1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,  # far below the 90 seconds that the SDK alone takes where connections are refused
        )
    assert "provides no credentials: no answer in 1 seconds" in done.stdout, done.stderr
    assert "dynamic group" in done.stdout
    assert not done.stderr


def test_the_sdk_s_own_variables_are_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Files(tmp_path / "theirs", profile="STAGING").write()
    monkeypatch.setenv("OCI_CONFIG_FILE", str(theirs.config))
    monkeypatch.setenv("OCI_CONFIG_PROFILE", "STAGING")
    monkeypatch.setenv("OCI_COMPARTMENT_ID", TENANCY)
    session = open_oci_session(load_settings())
    assert session.compartment_id == TENANCY
    assert session.region == REGION
    assert session.signer.api_key == f"{TENANCY}/{USER}/{fingerprint_of(KEY)}"


def test_our_settings_go_before_the_sdk_s_variables_and_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCI_CONFIG_FILE", "/nowhere/config")
    monkeypatch.setenv("OCI_CONFIG_PROFILE", "NOWHERE")
    monkeypatch.setenv("OCI_COMPARTMENT_ID", "ocid1.compartment.oc1..theirs")
    ours = Files(tmp_path / "ours", profile="OURS").write()
    session = opened(ours, profile="OURS", region="eu-frankfurt-1")
    assert session.compartment_id == COMPARTMENT
    assert session.region == session.config["region"] == "eu-frankfurt-1"
    assert session.inference_endpoint == "https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com"


def test_a_file_that_is_named_and_missing_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCI_CONFIG_FILE", str(Files(tmp_path / "theirs").write().config))
    with pytest.raises(SettingsInvalid, match="elsewhere"):
        opened(Files(tmp_path / "elsewhere"))


@pytest.mark.parametrize(("named", "region"), [("ord", "us-chicago-1"), ("US-Chicago-1", "us-chicago-1")])
def test_a_region_may_be_told_by_its_short_name(tmp_path: Path, named: str, region: str) -> None:
    session = opened(Files(tmp_path / "oci").write(), region=named)
    assert session.region == region
    assert region in session.inference_endpoint


def test_an_endpoint_of_one_s_own_is_taken_as_it_is_even_in_a_region_that_the_sdk_does_not_know(tmp_path: Path) -> None:
    files = Files(tmp_path / "oci", entries={"region": "xx-newland-1"}).write()
    session = opened(files, endpoint="https://private.example.com/")
    assert session.inference_endpoint == "https://private.example.com"
    assert session.client(GenerativeAiInferenceClient, name="newland", endpoint=session.inference_endpoint)


def test_a_session_s_text_holds_no_secret(tmp_path: Path) -> None:
    files = Files(tmp_path / "oci", key=encrypted(PASSPHRASE), entries={"pass_phrase": PASSPHRASE}).write()
    assert PASSPHRASE not in repr(opened(files))


def test_clients_have_breakers_of_their_own_names_no_retries_and_the_session_s_timeouts(tmp_path: Path) -> None:
    session = opened(Files(tmp_path / "oci").write(), connect_timeout_seconds=3, read_timeout_seconds=7)
    clients = [
        session.client(kind, name=f"t-{kind.__name__}") for kind in (GenerativeAiInferenceClient, MonitoringClient)
    ]
    names = {client.base_client.circuit_breaker_strategy.name for client in clients}
    assert names == {"sixplane-t-GenerativeAiInferenceClient", "sixplane-t-MonitoringClient"}
    for client in clients:
        assert isinstance(client.retry_strategy, NoneRetryStrategy)
        assert client.base_client.timeout == (3, 7)


async def test_the_asynchronous_client_has_the_same(tmp_path: Path) -> None:
    session = opened(Files(tmp_path / "oci").write(), connect_timeout_seconds=3, read_timeout_seconds=7)
    clients = InferenceClients(session, name="t-async")
    client, other = clients.current("m"), clients.current("n")
    assert client is clients.current("m")
    assert client is not other
    assert client.async_base_client.timeout == (3, 7)
    assert isinstance(client.async_base_client.retry_strategy, NoneRetryStrategy)
    assert client.async_base_client.circuit_breaker_strategy.name == "sixplane-t-async-m"
    await clients.aclose()
