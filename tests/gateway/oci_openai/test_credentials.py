"""What lets a request in: the signature of every way of authentication, or a key of the settings or of OCI Vault."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

import pytest

from gateway.oci_openai.plane import CompatibleModels
from settings import load_settings
from settings.connections.oci_session import OCISession, open_oci_session
from state.errors import DependencyUnavailable, SettingsInvalid
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.configuration import KEY, TOKEN, Files
from tests.doubles.oci.server import COMPARTMENT
from tests.doubles.oci.session import local_session
from tests.gateway.oci_openai.asking import JSON, MODEL, PLAN, Asked

SECRET = "ocid1.vaultsecret.oc1.us-chicago-1.local"


class Renewing:
    """A principal's signer: it renews its token when it is called, as those of the SDK do, and only then."""

    def __init__(self, session: OCISession) -> None:
        self._signer, self.renewed = session.signer, 0

    def __call__(self, request: Any) -> Any:
        self.renewed += 1
        return self._signer(request)

    def do_request_sign(self, request: Any) -> Any:
        raise AssertionError("signed without a look at the token's age")


async def test_a_session_token_signs(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON), key=KEY, token=TOKEN) as oci:
        files = Files(tmp_path / "keys", token=TOKEN).write()
        chosen = {"auth": "security_token", "config_file": files.config}
        assert await Asked(oci, tmp_path / "home", oci=chosen).plan() == PLAN
    (call,) = oci.calls
    assert f'keyId="ST${TOKEN}"' in call.headers["authorization"]


async def test_a_principal_renews_its_token_for_each_request_and_signs_in_parallel(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        session = local_session(oci)
        signer = Renewing(session)
        renewing = OCISession(**{**vars(session), "signer": signer})
        asked = Asked(oci, tmp_path / "home", session=renewing)
        plans = await asyncio.gather(*(asked.plan(f"task-{n}") for n in range(8)))
    assert plans == [PLAN] * 8
    assert signer.renewed == 8
    assert oci.rejected == {}


def _bundle(key: str) -> Fault:
    content = {"contentType": "BASE64", "content": base64.b64encode(f"{key}\n".encode()).decode()}
    return Fault("status", path=SECRET, status=200, body={"secretId": SECRET, "secretBundleContent": content})


async def test_a_key_comes_from_oci_vault(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON), api_key="sk-vault") as oci:
        oci.faults.add(_bundle("sk-vault"))
        chosen = {"vault_endpoint": oci.url, "openai": {"api_key_secret_id": SECRET}}
        assert await Asked(oci, tmp_path / "home", oci=chosen).plan() == PLAN
    fetched, call = oci.calls
    assert fetched.headers["authorization"].startswith("Signature ")
    assert call.headers["authorization"] == "Bearer sk-vault"
    assert call.headers["opc-compartment-id"] == COMPARTMENT


def test_a_secret_that_vault_does_not_return_is_told_with_its_remedy(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        chosen = {"vault_endpoint": oci.url, "openai": {"api_key_secret_id": SECRET}}
        with pytest.raises(DependencyUnavailable, match="does not return the API key") as caught:
            Asked(oci, tmp_path / "home", oci=chosen)
    assert "secret-family" in caught.value.hint


def test_a_vault_that_cannot_be_reached_is_told_with_its_remedy(tmp_path: Any) -> None:
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        chosen = {"vault_endpoint": "http://127.0.0.1:9", "openai": {"api_key_secret_id": SECRET}}
        with pytest.raises(DependencyUnavailable, match="API key of Generative AI: it cannot be reached") as caught:
            Asked(oci, tmp_path / "home", oci=chosen)
    assert "SIXPLANE_OCI__VAULT_ENDPOINT" in caught.value.hint


@pytest.mark.parametrize("project", ["", "ocid1.generativeaiproject.oc1.us-chicago-1.local"])
async def test_what_the_environment_says_of_an_account_at_openai_does_not_reach_oci(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, project: str
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-mine")
    with LocalOCI(lambda _: Reply(JSON)) as oci:
        assert await Asked(oci, tmp_path / "home", oci={"openai": {"project_id": project}}).plan() == PLAN
    (call,) = oci.calls
    assert "openai-organization" not in call.headers
    assert call.headers.get("openai-project", "") == project


def test_a_key_needs_no_configuration_file_but_a_region(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {"models": {"provider": "oci-openai", "default": MODEL}}
    settings = load_settings(**given, oci={"region": "eu-frankfurt-1", "openai": {"api_key": "sk-local"}})
    described = CompatibleModels(settings, None, "sk-local").described()
    assert described.startswith(
        "https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com/openai/v1 with an API"
    )
    nowhere = load_settings(**given, oci={"openai": {"api_key": "sk-local"}})
    with pytest.raises(SettingsInvalid, match="needs a region"):
        CompatibleModels(nowhere, None, "sk-local").described()


def test_signed_requests_go_to_the_endpoint_of_the_session(tmp_path: Any) -> None:
    with LocalOCI() as oci:
        asked = Asked(oci, tmp_path / "home")
        session = open_oci_session(asked.settings)
        assert CompatibleModels(asked.settings, session).described().startswith(f"{oci.url}/openai/v1 with signatures")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"project_id": "ocid1.compartment.oc1..a"},
            "it starts with `ocid1.generativeaiproject.`",
        ),
        ({"conversation_store_id": "mine"}, "`conversation_store_id` from the console"),
        ({"api_key_secret_id": "sk-mine"}, "`api_key_secret_id` from the console"),
        ({"store": True}, "set `project_id`"),
    ],
)
def test_what_is_no_ocid_of_its_kind_is_refused_at_once(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsInvalid, match=re.escape(told)):
        load_settings(oci={"openai": given})


def test_the_provider_needs_a_default_model() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(models={"provider": "oci-openai"})
    assert "SIXPLANE_MODELS__DEFAULT=oci-openai:" in caught.value.hint
