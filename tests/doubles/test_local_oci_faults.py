"""The local OCI's faults, as the real SDK meets them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import oci as sdk
import pytest
import requests

from tests.doubles.oci import Fault, LocalOCI, mixed_faults
from tests.doubles.oci_requests import ANSWER, CHAT, PROMPT, asked, chat_body, inference, signed, streamed

FOREVER = 3_600


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "slow down"),
        ({"error": {"param": "temperature", "code": "unsupported_value"}}, "unsupported_value"),
        ("<p>x</p>", "<p>"),
    ],
)
def test_a_status_answers_instead_of_the_model(oci, body, message):
    oci.faults.add(Fault("status", "chat", status=429, retry_after=1.5, message="slow down", body=body))
    with pytest.raises(sdk.exceptions.ServiceError) as caught:
        inference(oci).chat(asked())
    assert (caught.value.status, caught.value.headers["retry-after"]) == (429, "1.5")
    assert message in str(caught.value)
    assert (oci.completed_chars(), oci.all_chars()) == (0, 0)
    assert inference(oci).chat(asked()).status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_dropped_connection_is_billed_and_not_completed(oci, stream):
    oci.faults.add(Fault("drop_midstream", "chat"))
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|ended prematurely|connection"):
        streamed(oci) if stream else inference(oci).chat(asked())
    assert (oci.completed_chars(), oci.all_chars()) == (0, len(PROMPT + ANSWER))


def test_faults_of_the_content_of_a_stream(oci):
    for kind in ("no_finish", "error_finish", "truncated"):
        oci.faults.add(Fault(kind, "chat", message="it broke"))
    assert not [event for event in streamed(oci, "COHERE") if "finishReason" in event]
    assert streamed(oci, "COHERE")[-1] == {
        "apiFormat": "COHERE",
        "finishReason": "ERROR",
        "errorMessage": "it broke",
        "usage": {"promptTokens": 3, "completionTokens": 3, "totalTokens": 6},
    }
    assert streamed(oci, "COHERE")[-1]["finishReason"] == "MAX_TOKENS"
    oci.faults.add(Fault("malformed_frame", "chat"))
    with pytest.raises(json.JSONDecodeError):
        streamed(oci)
    assert [call.completed for call in oci.calls] == [False, False, True, False]


def test_faults_of_the_content_of_a_whole_answer(oci):
    for kind in ("error_finish", "truncated", "error_finish"):
        oci.faults.add(Fault(kind, "chat"))
    assert inference(oci).chat(asked()).data.chat_response.choices[0].finish_reason == "error"
    cut = inference(oci).chat(asked("COHERE")).data.chat_response
    assert (cut.finish_reason, cut.text) == ("MAX_TOKENS", ANSWER[:10])
    failed = inference(oci).chat(asked("COHERE")).data.chat_response
    assert (failed.finish_reason, failed.error_message) == ("ERROR", "injected by the double")


def test_faults_of_the_headers(oci):
    oci.faults.add(Fault("content_type", "chat"), Fault("no_content_length", "chat"))
    assert not hasattr(inference(oci).chat(asked()).data, "chat_response")
    chunked = inference(oci).chat(asked())
    assert "content-length" not in chunked.headers
    assert chunked.data.chat_response.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("kind", ["hang", "slow_first_byte"])
def test_a_client_that_gives_up_leaves_a_call_that_is_billed(oci, kind):
    oci.faults.add(Fault(kind, "chat", seconds=FOREVER))
    with pytest.raises(sdk.exceptions.RequestException):
        inference(oci, timeout=(60.0, 0.2)).chat(asked())
    while not oci.all_chars():  # a slow server reads the request after its client has given up
        time.sleep(0.005)
    assert (oci.completed_chars(), oci.all_chars()) == (0, len(PROMPT + ANSWER))


def test_a_slow_answer_arrives(oci):
    oci.faults.add(Fault("slow_first_byte", "chat", seconds=0.1))
    began = time.monotonic()
    assert inference(oci).chat(asked()).status == 200
    assert time.monotonic() - began >= 0.1
    assert oci.completed_chars() == len(PROMPT + ANSWER)


def outcomes(seed, calls=40):
    found = []
    with LocalOCI(lambda call: ANSWER, seed=seed) as oci:
        oci.faults.add(*mixed_faults(0.5))
        for _ in range(calls):
            try:
                found.append(requests.Session().send(signed(oci, chat_body())).status_code)
            except requests.RequestException:
                found.append(0)
    return found


def test_a_seed_makes_the_faults_of_a_rate_repeatable():
    first = outcomes(seed=1)
    assert first == outcomes(seed=1) != outcomes(seed=2)
    assert set(first) == {0, 200, 429, 503}
    assert 10 <= len([status for status in first if status != 200]) <= 30


def test_the_accounts_of_many_at_once(oci):
    speaker = inference(oci)
    with ThreadPoolExecutor(64) as threads:
        statuses = list(threads.map(lambda n: speaker.chat(asked(prompt=f"{n:03d}")).status, range(128)))
    httpx.post(oci.url + CHAT, json={})
    assert set(statuses) == {200}
    assert oci.completed_chars() == oci.all_chars() == 128 * (3 + len(ANSWER))
    counts = httpx.get(oci.url + "/_double/calls").json()
    assert (counts["verified"], counts["rejected"], counts["by_path"]) == (128, 1, {"chat": 128})
    assert counts["completed_chars"] == oci.completed_chars()


def test_a_server_stops_at_once_even_where_a_call_hangs(oci):
    oci.faults.add(Fault("hang", "chat", seconds=FOREVER))
    with ThreadPoolExecutor(1) as thread:
        hanging = thread.submit(requests.Session().send, signed(oci, chat_body()))
        while not oci.calls:
            time.sleep(0.005)
        oci.stop()
        assert hanging.exception() or hanging.result().status_code != 200
        assert not oci.calls[0].completed
