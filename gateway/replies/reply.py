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

_ID_HEADERS = ("opc-request-id", "x-request-id")
_SECRETS = re.compile(
    r"-----BEGIN(?s:.*?)(?:-----END[A-Z ]*-----|\Z)"
    r"|\b(?:sk|pk|xai|gsk|hf)[-_][\w*-]{8,}"
    r"|\bST\$\S+"
    r"|\bey[JK][\w-]{8,}(?:\.[\w-]*)*"
    r"|\bbearer\s+\S+"
    r"|\b(?:api[ _-]?key|key_?id|pass(?:word|phrase|_phrase)|secret|signature|token)[\"']?\s*[=:]\s*[\"']?[^\s\"',]+",
    re.IGNORECASE,
)
"""Keys, tokens and signatures that a service may repeat when it refuses them."""

_BREAKS = re.compile(r"\s+")


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
    """The id of the last answer that arrived while somebody was listening."""

    request_id: str = ""


_listener: ContextVar[Heard | None] = ContextVar("sixplane_listener", default=None)


@contextmanager
def listening() -> Iterator[Heard]:
    """Note the ids of the answers that the block gets, in its tasks too.

    Libraries between us and a transport lose the headers of an answer that they cannot read, and its request id with
    them. The transports are ours, and call `hear`.
    """
    heard = Heard()
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


def reply_in(error: BaseException, heard: Heard, sent: Sequence[str]) -> ServiceReply:
    """Return what the service said of a failed request.

    Args:
        error: an error of an SDK, or one that such an error caused.
        heard: the answers that arrived.
        sent: the texts of the request, which are not repeated.
    """
    found = next((cause for cause in _causes(error) if _status_of(cause) or hasattr(cause, "body")), None)
    if found is None:
        return ServiceReply(request_id=heard.request_id)
    code, message = said_by(found)
    headers = getattr(getattr(found, "response", None), "headers", None) or getattr(found, "headers", None) or {}
    return ServiceReply(
        status=_status_of(found),
        code=_plain(_SECRETS.sub("…", code))[:MOST_CODE_CHARS],
        message=_cleaned(message, sent),
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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _status_of(error: BaseException) -> int:
    found = getattr(error, "status_code", None) or getattr(error, "status", None)
    return found if isinstance(found, int) else 0


def _cleaned(said: str, sent: Sequence[str]) -> str:
    plain = _plain(_SECRETS.sub("…", said[:_MOST_READ_CHARS]))
    told = _without_echo(plain, [_BREAKS.sub(" ", text) for text in sent])
    return told if len(told) <= MOST_MESSAGE_CHARS else f"{told[: MOST_MESSAGE_CHARS - 1]}…"


def _plain(said: str) -> str:
    """Return printable text in one line, without what separates a message from its hint in an event: `; `."""
    line = _BREAKS.sub(" ", said).replace(";", ",").replace('"', "'").strip()
    return "".join(letter for letter in line if letter.isprintable())


def _without_echo(said: str, sent: Sequence[str]) -> str:
    """Return `said` with an ellipsis for what stands in a text that was sent too."""
    # Compared as `_plain` writes them: both sides lost their quotation marks and semicolons.
    texts = [text.replace(";", ",").replace('"', "'") for text in sent]
    echoed = bytearray(len(said))
    for start in range(len(said) - _ECHO_CHARS + 1):
        part = said[start : start + _ECHO_CHARS]
        if any(part in text for text in texts):
            echoed[start : start + _ECHO_CHARS] = b"\1" * _ECHO_CHARS
    kept = "".join("\0" if hidden else letter for letter, hidden in zip(said, echoed, strict=True))
    return re.sub("\0+", "…", kept)
