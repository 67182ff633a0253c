"""What is kept of a service's words: no secret, nothing of what was sent, one line, and not too much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from gateway.replies.credentials import why_refused
from gateway.replies.reply import Heard, ServiceReply, hear, listening, reply_in, request_id_in, words_of
from gateway.replies.words import refuses_content


class Refusal(Exception):
    """What an SDK raises."""

    def __init__(self, message: Any, code: Any = "Code", headers: Any = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = 400, code, message, headers


def kept(message: Any, *sent: str) -> str:
    return reply_in(Refusal(message), Heard(sent)).message


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("wrong key sk-abcdefgh12345678", "abcdefgh"),
        ("got Bearer abc.def.ghi", "abc.def"),
        ("keyId=ocid1.tenancy/ocid1.user/aa:bb is unknown", "aa:bb"),
        ('signature="Zm9v" does not fit', "Zm9v"),
        ("ST$eyJhbGciOiJSUzI1NiJ9.payload.sig has expired", "payload"),
        ("the token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln is bad", "eyJ"),
        ("pass_phrase: correct-horse", "horse"),
        ("Incorrect API key provided: gak1234567. Find yours at …", "gak12"),
        ("api key 'aaaaaaaaaaaaaaaaaaaa' is unknown", "aaaa"),
        ("API key AIzaSyA1234567890abcdefghijklmnop is not valid", "AIza"),
        ('{\\"token\\": \\"abc\\"}', "abc"),
        ("s\u200bk-abcdefgh12345678", "abcdefgh"),
        ("no route to http://user:hunter2@proxy/", "hunter2"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNl"),
        ("0123456789abcdef0123456789abcdef is not known", "0123"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- is bad", "MIIE"),
    ],
)
def test_secrets_are_left_out(said: str, hidden: str) -> None:
    found = kept(said)
    assert hidden not in found
    assert "…" in found


@pytest.mark.parametrize(
    ("said", "sent", "found"),
    [
        ("'What is wrong with Ann?' is odd", "What is wrong\nwith Ann?", "'…' is odd"),
        ('Not "Ann; is she ill" please', 'x "Ann; is she ill" y', "Not…please"),
        ("maxTokens: 5 is too much", "What is wrong with Ann?", "maxTokens: 5 is too much"),
        ("Ann", "Ann", "Ann"),
        ('input: \\"M\\u00fcller\\nis \\ud83d\\ude00 in K\\u00f6ln\\"', 'Müller\nis 😀 in Köln"', "input: '…"),
        ("Müller lives in Köln", "Mül\u00adler lives in Köln", "…"),
        ("ocid1.generativeaimodel.oc1..amaaaaaask7dceyarsn7", "", "ocid1.generativeaimodel.oc1..amaaaaaask7dceyarsn7"),
    ],
)
def test_what_was_sent_is_left_out(said: str, sent: str, found: str) -> None:
    assert kept(said, sent, "another") == found


def test_an_echo_is_found_wherever_it_stands_in_a_long_prompt() -> None:
    words = [f"word{n} and" for n in range(20_000)]
    prompt = " ".join(words)
    for place in range(0, 20_000, 1_733):
        assert kept(f"odd: _{' '.join(words[place : place + 3])}!", prompt) == "odd: _…!"
    assert kept("a" * 2_000, "a" * 400_000) == "…"


def test_what_a_service_quotes_is_not_taken_for_its_words() -> None:
    prompt = "Does our content policy fit into the context window of a person who reads it in a hurry?"
    with listening([prompt]):
        assert not refuses_content(words_of(Refusal(f"unexpected field in {prompt!r}")))
        assert refuses_content(words_of(Refusal("our content policy forbids it")))
    assert refuses_content(words_of(Refusal(prompt)))


def test_a_message_is_one_printable_line_of_bounded_length() -> None:
    assert kept("a\x1b[31m;\n \t b") == "a[31m, b"
    assert kept("<html><body>Sign in</body></html>") == ""
    assert kept(None) == ""
    assert len(kept("ä" * 10_000)) == 200
    assert len(reply_in(Refusal("x", code="y" * 500), Heard()).code) == 80
    assert len(request_id_in({"Opc-Request-Id": "z" * 5_000})) == 512


def test_what_is_told_does_not_repeat_the_reason() -> None:
    whole = ServiceReply(404, "404", "gone", "ID")
    assert whole.told("it answered 404") == ' ("gone", request id ID)'
    assert whole.told("it is not there") == ' ("gone", status 404, request id ID)'
    assert ServiceReply().told("it answered 404") == ""
    assert ServiceReply(request_id="ID").attributes() == {"sixplane.request_id": "ID"}


def test_the_id_of_an_answer_is_heard_while_somebody_listens() -> None:
    hear({"opc-request-id": "before"})
    with listening() as heard:
        hear({"opc-request-id": "first"})
        with listening() as inner:
            hear({"X-Request-Id": "second"})
    hear({"opc-request-id": "after"})
    assert (heard.request_id, inner.request_id) == ("first", "second")
    assert reply_in(ValueError("no answer"), heard).request_id == "first"
    assert reply_in(Refusal("no", headers={"opc-request-id": "own"}), heard).request_id == "own"


@pytest.mark.parametrize(
    ("minutes", "why"),
    [
        (0, "the session"),
        (-3, "the session"),
        (-9, "9 minutes ahead of"),
        (30, "30 minutes behind"),
        (60 * 3, "3 hours behind"),
        (60 * 24 * 4, "4 days behind"),
    ],
)
def test_a_clock_is_compared_with_the_date_of_the_answer(minutes: float, why: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    assert why in why_refused({"date": date}, ("the session", "renew it"))[0]


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "yesterday"}])
def test_an_answer_without_a_date_says_nothing_about_the_clock(headers: dict[str, str]) -> None:
    assert why_refused(headers, ("", "")) == ("", "")
