"""Opening a session: everything that can be missing or wrong is named with its remedy, and no secret is told."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from oci.exceptions import ServiceError
from oci.generative_ai_inference import GenerativeAiInferenceClient
from oci.generative_ai_inference import models as wire
from oci.monitoring import MonitoringClient
from oci.retry import NoneRetryStrategy

from settings import load_settings
from settings.connections.oci_inference import InferenceClients
from settings.connections.oci_session import OCISession, open_oci_session
from state.errors import DependencyUnavailable, SettingsInvalid, SixplaneError
from tests.doubles.oci import Fault, LocalOCI
from tests.doubles.oci.server import COMPARTMENT, REGION, TENANCY, USER
from tests.doubles.oci.signature import fingerprint_of, pem_of, throw_away_key

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "correct-horse-battery"
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = throw_away_key()


def part(claims: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def token(seconds: float, **claims: object) -> str:
    return f"{part({'alg': 'RS256'})}.{part({'exp': time.time() + seconds, **claims})}.c2lnbmF0dXJl"


TOKEN = token(3600, sub="whoever")
EXPIRED = token(-1)


def encrypted(passphrase: str) -> str:
    sealed = BestAvailableEncryption(passphrase.encode())
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed).decode()


def public() -> str:
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def elliptic() -> str:
    curve = ec.generate_private_key(ec.SECP256R1())
    return curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class Files:
    """An OCI configuration in a folder. An entry that is `None` is left out; `ini` goes in place of everything."""

    folder: Path
    entries: dict[str, str | None] = field(default_factory=dict)
    profile: str = "DEFAULT"
    key: str | bytes = pem_of(KEY)
    token: str | bytes = ""
    ini: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def write(self) -> Files:
        self.folder.mkdir(parents=True, exist_ok=True)
        pem, session = self.folder / "key.pem", self.folder / "token"
        pem.write_bytes(self.key if isinstance(self.key, bytes) else self.key.encode())
        if self.token:
            session.write_bytes(self.token if isinstance(self.token, bytes) else self.token.encode())
        entries: dict[str, str | None] = {
            "tenancy": TENANCY,
            "user": USER,
            "fingerprint": fingerprint_of(KEY),
            "region": REGION,
            "key_file": str(pem),
            **({"security_token_file": str(session)} if self.token else {}),
            **self.entries,
        }
        lines = [f"{name}={value}" for name, value in entries.items() if value is not None]
        self.config.write_text(self.ini or "\n".join([f"[{self.profile}]", *lines, ""]), encoding="utf-8")
        return self


def opened(files: Files, **oci: object) -> OCISession:
    return open_oci_session(load_settings(oci={"config_file": files.config, "compartment_id": COMPARTMENT, **oci}))


def everything(error: BaseException) -> str:
    """Return all that a user could get to see of an error, with `--debug` too."""
    hint = error.hint if isinstance(error, SixplaneError) else ""
    return "\n".join([hint, repr(error), *traceback.format_exception(error)])


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OCI_CONFIG_FILE", "OCI_CONFIG_PROFILE", "OCI_COMPARTMENT_ID", "OCI_REGION"):
        monkeypatch.delenv(name, raising=False)


SECRET_INI = f"[DEFAULT]\npass_phrase={PASSPHRASE}\n"
TOKENS = {"auth": "security_token"}
Case = tuple[dict[str, object], dict[str, object], tuple[str, ...]]

WRONG: dict[str, Case] = {
    "an unknown profile": ({}, {"profile": "STAGING"}, ("no profile `STAGING`", "SIXPLANE_OCI__PROFILE")),
    "no key_file": ({"entries": {"key_file": None}}, {}, ("`key_file` is missing", "oci setup config")),
    "a key file that is not there": (
        {"entries": {"key_file": "/nowhere/key.pem"}},
        {},
        ("no private key", "`DEFAULT`", "mend `key_file`"),
    ),
    "a key that is no PEM": ({"key": "MIIE and so on"}, {}, ("no private key in PEM", "`key_file`")),
    "a key that is no text": ({"key": b"\xff\xfe\x00\x01"}, {}, ("is no text", "`key_file`")),
    "a public key": ({"key": public()}, {}, ("no private key in PEM", "`key_file`")),
    "a key of another kind": ({"key": elliptic()}, {}, ("no RSA key", "`key_file`")),
    "an encrypted key without a passphrase": (
        {"key": encrypted(PASSPHRASE)},
        {},
        ("needs a passphrase", "pass_phrase"),
    ),
    "an encrypted key with a wrong passphrase": (
        {"key": encrypted(PASSPHRASE), "entries": {"pass_phrase": "staple-of-somebody"}},
        {},
        ("passphrase is wrong", "`pass_phrase`"),
    ),
    "the fingerprint of another key": (
        {"entries": {"fingerprint": fingerprint_of(OTHER_KEY)}},
        {},
        ("`fingerprint` is not that of its `key_file`", "console's API keys"),
    ),
    "a malformed fingerprint": ({"entries": {"fingerprint": "12:34"}}, {}, ("`fingerprint` is malformed",)),
    "no tenancy": ({"entries": {"tenancy": None}}, {}, ("`tenancy` is missing", "oci setup config")),
    "no user": ({"entries": {"user": None}}, {}, ("`user` is missing", "oci setup config")),
    "neither user nor tenancy": (
        {"entries": {"user": None, "tenancy": None}},
        {},
        ("`tenancy` is missing, `user` is missing",),
    ),
    "a session's profile for an API key": (
        {"entries": {"user": None}, "token": TOKEN},
        {},
        ("`user` is missing", "SIXPLANE_OCI__AUTH=security_token"),
    ),
    "another authentication in the profile": (
        {"entries": {"authentication_type": "instance_principal"}},
        {},
        ("`authentication_type`", "SIXPLANE_OCI__AUTH"),
    ),
    "lines without a profile": ({"ini": f"pass_phrase={PASSPHRASE}\n"}, {}, ("cannot be read", "[PROFILE]")),
    "lines that are none": ({"ini": f"{SECRET_INI}{PASSPHRASE}\n"}, {}, ("cannot be read", "name=value")),
    "a repeated entry": ({"ini": SECRET_INI + f"pass_phrase={PASSPHRASE}\n"}, {}, ("cannot be read", "once")),
    "a key inside the file": ({"ini": "[DEFAULT]\nkey_content=-----BEGIN\n"}, {}, ("cannot be read", "key_content")),
    "an empty file": ({"ini": "\n"}, {}, ("`tenancy` is missing", "oci setup config")),
    "an expired token": (
        {"token": EXPIRED},
        TOKENS,
        ("has expired", "oci session authenticate --profile-name DEFAULT"),
    ),
    "a token without parts": ({"token": "opaque-token"}, TOKENS, ("cannot be read", "oci session authenticate")),
    "a token without an end": ({"token": f"a.{part({'sub': 'x'})}.b"}, TOKENS, ("cannot be read", "authenticate")),
    "a token whose claims are a list": ({"token": f"a.{part([1])}.b"}, TOKENS, ("cannot be read", "authenticate")),
    "a token that is no text": ({"token": b"\xff\xfe.\xff.\xff"}, TOKENS, ("is no text", "oci session authenticate")),
    "no token file": ({}, TOKENS, ("no security token file", "oci session authenticate --profile-name DEFAULT")),
    "a token file that is not there": (
        {"entries": {"security_token_file": "/nowhere/token"}},
        TOKENS,
        ("no security token file", "oci session authenticate"),
    ),
    "a token without its key": ({"token": TOKEN, "entries": {"key_file": None}}, TOKENS, ("names no `key_file`",)),
    "an unknown region": ({}, {"region": "us-chicago-2"}, ("no region 'us-chicago-2'", "did you mean `us-chicago-1`?")),
    "a region like none": ({}, {"region": "atlantis"}, ("no region 'atlantis'", "`oci iam region list`")),
    "no region": ({"entries": {"region": None}}, {}, ("needs a region", "SIXPLANE_OCI__REGION")),
    "no region beside an endpoint": (
        {"entries": {"region": None}},
        {"endpoint": "http://127.0.0.1:9"},
        ("needs a region", "SIXPLANE_OCI__REGION"),
    ),
    "no compartment": ({}, {"compartment_id": ""}, ("needs a compartment", "SIXPLANE_OCI__COMPARTMENT_ID")),
    "a name for a compartment": ({}, {"compartment_id": "research"}, ("no OCID", "`ocid1.compartment.`")),
    "an OCID of something else": ({}, {"compartment_id": "ocid1.user.oc1..x"}, ("no OCID of a compartment",)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_missing_or_wrong_is_named_with_its_remedy_and_without_a_secret(tmp_path: Path, name: str) -> None:
    given, oci, words = WRONG[name]
    files = Files(tmp_path / "oci", **given).write()  # type: ignore[arg-type]
    with pytest.raises(SettingsInvalid) as caught:
        opened(files, **oci)
    told = f"{caught.value.message}\n{caught.value.hint}"
    assert [word for word in words if word not in told] == [], told
    assert caught.value.hint
    secrets = [PASSPHRASE, "staple-of-somebody", TOKEN, EXPIRED, "opaque-token", "PRIVATE KEY", pem_of(KEY)[40:100]]
    assert [secret for secret in secrets if secret in everything(caught.value)] == []


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
    assert "gives no credentials: no answer in 1 seconds" in done.stdout, done.stderr
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


def chat_details() -> wire.ChatDetails:
    request = wire.CohereChatRequest(message="Hello?", max_tokens=8)
    serving = wire.OnDemandServingMode(model_id="cohere.command-a-03-2025")
    return wire.ChatDetails(compartment_id=COMPARTMENT, serving_mode=serving, chat_request=request)


def api_key(_: Files) -> None:
    """Nothing but the files as they are."""


def with_passphrase(files: Files) -> None:
    files.key = encrypted(PASSPHRASE)
    files.entries["pass_phrase"] = PASSPHRASE


def with_superfluous_passphrase(files: Files) -> None:
    files.entries["pass_phrase"] = PASSPHRASE


def with_token(files: Files) -> None:
    files.token, files.entries["user"] = TOKEN + "\n", None


@pytest.mark.parametrize("prepare", [api_key, with_passphrase, with_superfluous_passphrase, with_token])
async def test_what_a_session_signs_is_accepted(tmp_path: Path, prepare: Callable[[Files], None]) -> None:
    files = Files(tmp_path / "oci")
    prepare(files)
    auth = "security_token" if files.token else "api_key"
    with LocalOCI(lambda _: "Hello", token=TOKEN) as oci:
        session = opened(files.write(), auth=auth, endpoint=oci.url)
        sync = session.client(GenerativeAiInferenceClient, name=f"t-{prepare.__name__}", endpoint=oci.url)
        assert sync.chat(chat_details()).data.chat_response.text == "Hello"
        clients = InferenceClients(session, name=f"t-async-{prepare.__name__}")
        answer, headers = await clients.call("chat", "m", chat_details())
        await clients.aclose()
        keys = {call.headers["authorization"].partition('keyId="')[2].partition('"')[0] for call in oci.calls}
    assert isinstance(answer, dict)
    assert answer["chatResponse"]["text"] == "Hello"
    assert headers["opc-request-id"]
    assert keys == {f"ST${TOKEN}" if files.token else f"{TENANCY}/{USER}/{fingerprint_of(KEY)}"}
    assert not oci.rejected


async def test_an_error_is_asked_for_once_and_holds_no_secret(tmp_path: Path) -> None:
    files = Files(tmp_path / "oci", token=TOKEN).write()
    with LocalOCI(lambda _: "Hello", token=TOKEN) as oci:
        oci.faults.add(Fault("status", "chat", times=9, status=429), Fault("status", "chat", times=9, status=401))
        session = opened(files, auth="security_token", endpoint=oci.url)
        clients = InferenceClients(session, name="t-once")
        with pytest.raises(ServiceError) as caught:
            await clients.call("chat", "m", chat_details())
        await clients.aclose()
        assert len(oci.calls) == 1
        assert TOKEN not in everything(caught.value)
