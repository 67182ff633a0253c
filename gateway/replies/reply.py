"""What a service answered to a request that failed, as users, spans and reports may see it.

Oracle's support asks for the `opc-request-id`, that of others for the `x-request-id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

MOST_ID_CHARS, MOST_MESSAGE_CHARS, MOST_CODE_CHARS = 512, 200, 80
"""What is kept at most. The ids of OCI have some hundred characters; the other two are chosen values."""

_MOST_READ_CHARS = 2_000
_ECHO_CHARS = 16
"""A message that repeats so many characters of a request quotes it. Chosen: longer than most technical terms."""

_QUOTE_CHARS = 48
"""The same where the words of a message are judged: longer than any phrase that `gateway.replies.words` looks for, so
that a refusal is read as one although the prompt has the same phrase."""

_ID_HEADERS = ("opc-request-id", "x-request-id")

_SECRETS = re.compile(
    r"-----BEGIN.*?(?:-----END[A-Z ]*-----|\Z)"
    r"|\b(?:sk|pk|xai|gsk|hf)[-_][\w*-]{8,}"
    r"|\bAIza[\w-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|\bST\$\S+"
    r"|\bey[JK][\w-]{8,}(?:\.[\w-]*)*"
    r"|\bbearer\s+\S+|\bauthorization[\"']?\s*[=:]\s*[\"']?\w+\s+\S+"
    r"|(?<=://)[^\s/@]+@|(?<=[?&])(?:key|sig|code)=[^\s&\"']+"
    r"|(?P<name>\b(?:api[ _-]?key|key_?id|pass(?:word|phrase|_phrase)|secret|signature|token)[\"']?"
    r"(?:(?:\s(?:provided|given|received|supplied|sent|used))?\s*[=:]\s*[\"']?|\s+[\"'](?=[^\s\"']{16})))[^\s\"',]*[^\s\"',.]"
    r"|(?<![\w.-])(?=\w*\d)(?=\w*[a-z])\w{32,}",
    re.IGNORECASE,
)
"""Keys, tokens and signatures that a service may repeat when it refuses them; and what has a key's length, letters and
digits, unless it is a part of an OCID."""

_ESCAPED = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\([bfnrt])|\\([\"'\\/])")
"""What JSON and Python write with a backslash. Services quote a request in both."""


@dataclass(frozen=True)
class ServiceReply:
    """What a service said when a request failed. Holds no secret, and nothing of what was sent.

    Args:
        status: of HTTP; 0 if the request failed after a good one.
        code: the service's own, for example `NotAuthorizedOrNotFound`.
        message: its words, cut.
        request_id: under which the service knows the request.
    """

    status: int = 0
    code: str = ""
    message: str = ""
    request_id: str = ""

    def told(self, reason: str) -> str:
        """Return what `reason` does not say yet, in brackets after a space; empty if there is nothing more to tell."""
        coded = self.code != str(self.status) and self.code.lower() not in reason.lower()
        parts = [
            f'"{self.message}"' if self.message else "",
            f"status {self.status}" if self.status and str(self.status) not in reason else "",
            f"code {self.code}" if coded else "",
            f"request id {self.request_id}" if self.request_id else "",
        ]
        kept = ", ".join(filter(None, parts))
        return f" ({kept})" if kept else ""

    def attributes(self) -> dict[str, str | int]:
        """Return what a span tells of it."""
        told: dict[str, str | int] = {
            "http.response.status_code": self.status,
            "sixplane.provider.code": self.code,
            "sixplane.provider.message": self.message,
            "sixplane.request_id": self.request_id,
        }
        return {name: value for name, value in told.items() if value}


@dataclass
class Heard:
    """The texts of a request, and the id of the last answer that arrived while somebody was listening."""

    sent: Sequence[str] = ()
    request_id: str = ""


_listener: ContextVar[Heard | None] = ContextVar("sixplane_listener", default=None)


@contextmanager
def listening(sent: Sequence[str] = ()) -> Iterator[Heard]:
    """Note the ids of the answers that the block gets, in its tasks too, and what it sends.

    Libraries between us and a transport lose the headers of an answer that they cannot read, and its request id with
    them. The transports are ours, and call `hear`.
    """
    heard = Heard(sent)
    before = _listener.set(heard)
    try:
        yield heard
    finally:
        _listener.reset(before)


def hear(headers: Mapping[str, str]) -> None:
    """Note the headers of an answer, with names in any case, for whoever listens."""
    heard = _listener.get()
    if heard is not None:
        heard.request_id = request_id_in(headers)


def request_id_in(headers: Mapping[str, Any]) -> str:
    """Return the id that a service gave to a request, empty if the headers of its answer name none."""
    given = {str(name).lower(): str(value) for name, value in headers.items() if value}
    return _plain(next((given[name] for name in _ID_HEADERS if name in given), ""))[:MOST_ID_CHARS]


def reply_in(error: BaseException, heard: Heard) -> ServiceReply:
    """Return what the service said of a failed request.

    Args:
        error: an error of an SDK, or one that such an error caused.
        heard: what was sent, which is not repeated, and the answers that arrived.
    """
    found = next((cause for cause in _causes(error) if _status_of(cause) or hasattr(cause, "body")), None)
    if found is None:
        return ServiceReply(request_id=heard.request_id)
    code, message = said_by(found)
    headers = getattr(getattr(found, "response", None), "headers", None) or getattr(found, "headers", None) or {}
    return ServiceReply(
        status=_status_of(found),
        code=_hidden(_plain(code))[:MOST_CODE_CHARS],
        message=_cleaned(message, heard.sent),
        request_id=request_id_in(dict(headers)) or heard.request_id,
    )


def said_by(error: BaseException) -> tuple[str, str]:
    """Return code and message in the answer that caused an SDK's error, as they came; a web page says neither.

    OCI answers `{"code", "message"}`, others the same within `{"error": …}`.
    """
    # The SDK of OpenAI keeps the body, and puts it whole into its own `message` where it finds none in it.
    body: Any = error.body if hasattr(error, "body") else vars(error)
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        body = body["error"]
    code, message = (body.get("code"), body.get("message")) if isinstance(body, Mapping) else (None, body)
    said = str(message or "")
    return str(code or ""), "" if said.lstrip().startswith("<") else said


def words_of(error: BaseException) -> str:
    """Return code and message of an answer, without what it quotes of the request, whose words are not its own."""
    code, message = said_by(error)
    heard = _listener.get()
    return f"{code} {_without_echo(_plain(message[:_MOST_READ_CHARS]), heard.sent if heard else (), _QUOTE_CHARS)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _status_of(error: BaseException) -> int:
    found = getattr(error, "status_code", None) or getattr(error, "status", None)
    return found if isinstance(found, int) else 0


def _cleaned(said: str, sent: Sequence[str]) -> str:
    told = _without_echo(_hidden(_plain(said[:_MOST_READ_CHARS])), sent, _ECHO_CHARS)
    return told if len(told) <= MOST_MESSAGE_CHARS else f"{told[: MOST_MESSAGE_CHARS - 1]}…"


def _hidden(said: str) -> str:
    """Return `said` with an ellipsis for each secret."""
    return _SECRETS.sub(lambda found: f"{found['name'] or ''}…", said)


def _plain(said: str) -> str:
    """Return printable text in one line, without what separates a message from its hint in an event: `; `."""
    whole = _ESCAPED.sub(_meant, said) if "\\" in said else said
    line = " ".join(whole.split()).replace(";", ",").replace('"', "'")
    return line if line.isprintable() else "".join(filter(str.isprintable, line))


def _meant(escaped: re.Match[str]) -> str:
    codes, space, itself = escaped.groups()
    if codes:
        return bytes.fromhex(codes.replace("\\u", "")).decode("utf-16-be", "replace")
    return " " if space else str(itself)


def _without_echo(said: str, sent: Sequence[str], least: int) -> str:
    """Return `said` with an ellipsis for each run of `least` characters that stands in a text that was sent too.

    It takes milliseconds for a prompt of 500,000 characters: only one in `least / 2` places of it is looked up, since a
    run of that length holds the whole of a block between two such places.
    """
    block = least // 2
    runs = {said[start : start + least] for start in range(len(said) - least + 1)}
    blocks = {run[:block] for run in runs} | {run[-block:] for run in runs}
    found: set[str] = set()
    for text in map(_plain, sent if runs else ()):
        for place in range(0, len(text) - block + 1, block):
            if text[place : place + block] in blocks:
                found |= runs & {text[start : start + least] for start in range(max(place - block, 0), place + 1)}
    echoed = bytearray(len(said))
    for start in range(len(said) - least + 1):
        if said[start : start + least] in found:
            echoed[start : start + least] = b"\1" * least
    kept = "".join("\0" if hidden else letter for letter, hidden in zip(said, echoed, strict=True))
    return re.sub("\0+", "…", kept)
