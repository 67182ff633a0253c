"""Errors as OpenAI sends them: its statuses, types, codes and parameters, and the reason."""

from __future__ import annotations

import openai
import pytest

from tests.experience.http.conftest import client
from tests.experience.http.wire.conftest import ASKED, opened

pytestmark = pytest.mark.long  # each test opens a service of its own

IMAGE = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "https://x.example/y"}}]
REFUSED = {
    "an image": ({"messages": [{"role": "user", "content": IMAGE}]}, "messages[0].content[1]", "unsupported_value"),
    "tools": ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "unsupported_value"),
    "functions": ({"functions": [{"name": "f", "parameters": {}}]}, "functions", "unsupported_value"),
    "JSON": ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_value"),
    "two answers": ({"n": 2}, "n", "unsupported_value"),
    "log probabilities": ({"logprobs": True}, "logprobs", "unsupported_value"),
    "audio": ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
    "no token": ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    "a role": ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "invalid_value"),
    "a type": ({"messages": "x"}, "messages", "invalid_type"),
    "nobody asks": ({"messages": [{"role": "system", "content": "x"}]}, "body", "invalid_value"),
    "five stops": ({"stop": list("abcde")}, "stop", "invalid_value"),
    "a thread": ({"extra_body": {"thread_id": "../x"}}, "thread_id", "invalid_value"),
    "metadata": ({"metadata": {"k" * 65: "v"}}, "metadata", "invalid_value"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "param", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_done_is_refused_with_the_reason(official, given, param, code):
    with pytest.raises(openai.BadRequestError) as caught:
        await official.chat.completions.create(**{"model": "sixplane/small", "messages": ASKED, **given})
    error = caught.value
    assert (error.status_code, error.type, error.code) == (400, "invalid_request_error", code)
    assert error.param.startswith(param)
    assert len(error.body["message"]) > 20


async def test_a_missing_field_is_named_as_openai_names_it(url):
    async with client(url) as plain:
        told = (await plain.post("/v1/chat/completions", json={"model": "sixplane/small"})).json()["error"]
    assert (told["param"], told["code"]) == ("messages", "missing_required_parameter")


@pytest.mark.parametrize(
    ("key", "model", "kind", "code"),
    [
        ("nobody", "sixplane/small", openai.AuthenticationError, "invalid_api_key"),
        ("guest", "sixplane/small", openai.PermissionDeniedError, "forbidden"),
        ("ann", "gpt-4o", openai.NotFoundError, "model_not_found"),
        ("ann", "sixplane/none", openai.NotFoundError, "model_not_found"),
    ],
)
async def test_errors_have_openai_s_classes_and_codes(url, key, model, kind, code):
    async with opened(url, key) as one:
        with pytest.raises(kind) as caught:
            await one.chat.completions.create(model=model, messages=ASKED)
        assert caught.value.code == code
        with pytest.raises(kind) as of_models:
            await one.models.retrieve(model)
        assert of_models.value.code == code


async def test_a_model_is_retrieved_by_its_name(official):
    found = await official.models.retrieve("sixplane/small")
    assert (found.id, found.object, found.owned_by) == ("sixplane/small", "model", "sixplane")
    with pytest.raises(openai.NotFoundError):  # `sixplane` alone is the corpus `default`, and there is none
        await official.models.retrieve("sixplane")


async def test_every_response_has_a_request_id(official, url):
    answer = await official.models.with_raw_response.list()
    assert answer.headers["x-request-id"].startswith("req_")
    with pytest.raises(openai.NotFoundError) as caught:
        await official.models.retrieve("gpt-4o")
    assert caught.value.request_id.startswith("req_")
    async with client(url, None) as stranger:
        given = {"x-request-id": "trace-7"}
        assert (await stranger.get("/v1/threads", headers=given)).headers["x-request-id"] == "trace-7"
        forged = (await stranger.get("/v1/threads", headers={"x-request-id": "a b" * 40})).headers["x-request-id"]
        assert forged.startswith("req_")


async def test_a_bug_is_logged_with_the_id_that_the_client_has(url, monkeypatch, caplog):
    from experience.service.desk import Desk

    async def broken(self, principal):
        raise ZeroDivisionError("with a secret")

    monkeypatch.setattr(Desk, "corpora", broken)
    async with client(url) as plain:
        answer = await plain.get("/v1/models")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in caplog.text
    assert "secret" not in answer.text
