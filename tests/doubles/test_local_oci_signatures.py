"""The local OCI accepts only signed requests, and answers bad ones as OCI does."""

from __future__ import annotations

import httpx
import oci as sdk
import pytest
import requests
from oci.generative_ai_inference import GenerativeAiInferenceClient

from tests.doubles.oci import LocalOCI
from tests.doubles.oci.__main__ import write_keys
from tests.doubles.oci_requests import ANSWER, CHAT, asked, chat_body, http_date, signed


def test_a_flipped_byte_in_the_body_is_not_authenticated(oci):
    request = signed(oci, chat_body())
    assert requests.Session().send(request).status_code == 200
    request.body = (
        request.body.replace(b"How", b"Who") if isinstance(request.body, bytes) else request.body.replace("How", "Who")
    )
    answer = requests.Session().send(request)
    assert (answer.status_code, answer.json()["code"]) == (401, "NotAuthenticated")
    assert answer.headers["opc-request-id"]
    assert [(call.verified, call.status) for call in oci.calls] == [(True, 200), (False, 401)]


@pytest.mark.parametrize(("ago", "status"), [(0, 200), (290, 200), (310, 401), (-310, 401)])
def test_a_date_may_be_off_by_five_minutes(oci, ago, status):
    answer = requests.Session().send(signed(oci, chat_body(), http_date(ago)))
    assert answer.status_code == status
    assert sum(oci.rejected.values()) == (status == 401)


@pytest.mark.parametrize("name", ["authorization", "x-content-sha256", "date"])
def test_a_request_without_a_header_of_its_signature_is_not_authenticated(oci, name):
    request = signed(oci, chat_body())
    del request.headers[name]
    assert requests.Session().send(request).status_code == 401


def test_what_is_not_signed_can_not_be_changed(oci):
    request = signed(oci, chat_body())
    request.headers["authorization"] = request.headers["authorization"].replace(" content-length", "")
    answer = requests.Session().send(request)
    assert (answer.status_code, answer.json()["message"]) == (401, "not signed: content-length")
    request = signed(oci, chat_body())
    request.url = request.url.replace("chat", "embedText")
    assert requests.Session().send(request).json()["message"] == "the signature does not fit"


def test_a_security_token_signs_too(oci):
    key = sdk.signer.load_private_key(oci.config["key_content"], None)
    for token, status in (("a-token", 200), ("another", 401)):
        signer = sdk.auth.signers.SecurityTokenSigner(token, key)
        request = requests.Request(
            "POST", oci.url + CHAT, data=chat_body(), headers={"content-type": "application/json"}
        )
        assert requests.Session().send(signer(request.prepare())).status_code == status


def test_what_is_not_there_is_not_found_by_those_who_may_ask(oci):
    request = signed(oci, "{}", path="/20231130/actions/nothing")
    request.headers["opc-request-id"] = "R"
    answer = requests.Session().send(request)
    assert (answer.status_code, answer.headers["opc-request-id"]) == (404, "R")
    assert answer.json()["code"] == "NotAuthorizedOrNotFound"
    assert httpx.post(request.url, json={}).status_code == 401


def test_it_serves_as_its_clients_proxy(oci):
    request = signed(oci, chat_body())
    answer = requests.Session().send(request, proxies={"http": oci.url})
    assert (answer.status_code, oci.calls[0].path) == (200, "chat")


def test_keys_are_written_once_and_read_again(tmp_path):
    written = write_keys(tmp_path / "keys")
    config = sdk.config.from_file(str(tmp_path / "keys" / "config"))
    sdk.config.validate_config(config)
    with LocalOCI(lambda call: ANSWER, key=write_keys(tmp_path / "keys")) as oci:
        assert GenerativeAiInferenceClient(config, service_endpoint=oci.url).chat(asked()).status == 200
    assert write_keys(tmp_path / "keys").private_numbers() == written.private_numbers()
