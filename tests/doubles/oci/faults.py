"""Faults on demand."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "status",
    "slow_first_byte",
    "hang",
    "drop_midstream",
    "malformed_frame",
    "no_finish",
    "error_finish",
    "truncated",
    "content_type",
    "no_content_length",
    "stays_open",
]
_CODES = {401: "NotAuthenticated", 404: "NotAuthorizedOrNotFound", 409: "IncorrectState", 429: "TooManyRequests"}


@dataclass
class Fault:
    """One way to misbehave.

    `status` answers instead of the service. With the others the model answers, which is billed, and then it goes wrong.
    `stays_open` sends the whole answer and keeps the connection open.

    Args:
        kind: what goes wrong.
        path: the operation that it hits (the last part of the path, or the SDK's name where that says nothing:
            `put_logs`, `post_metric_data`, `publish_message`); empty for all.
        times: how often.
        probability: instead of `times`, how likely each call is hit.
        status: of `status`.
        code: of `status`, in place of OCI's own for the status.
        message: of `status`, and the `errorMessage` of `error_finish`.
        retry_after: of `status`, in seconds.
        headers: of `status`.
        body: of `status`, in place of `{"code", "message"}`: sent as it is where it is a text.
        media: content type of a `body`; where it is empty, that of HTML for a text that begins so, else of JSON.
        seconds: of `slow_first_byte`.
        value: the content type of `content_type`.
    """

    kind: Kind
    path: str = ""
    times: int = 1
    probability: float | None = None
    status: int = 500
    code: str = ""
    message: str = "injected by the double"
    retry_after: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | dict[str, Any] | None = None
    media: str = ""
    seconds: float = 0.0
    value: str = "application/json; charset=utf-8"

    @property
    def error_code(self) -> str:
        """The `code` of the service's error."""
        return self.code or _CODES.get(self.status, "InternalServerError" if self.status >= 500 else "InvalidParameter")


class Faults:
    """What goes wrong next."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Let these go wrong, in their order."""
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults = []

    def next(self, path: str) -> Fault | None:
        """Return what goes wrong with this call of `path`."""
        with self._lock:
            for fault in self._faults:
                if fault.path in ("", path) and self._hits(fault):
                    return fault
        return None

    def _hits(self, fault: Fault) -> bool:
        if fault.probability is not None:
            return self._random.random() < fault.probability
        if fault.times <= 0:
            return False
        fault.times -= 1
        return True


def mixed_faults(rate: float, path: str = "") -> list[Fault]:
    """Return faults that together hit the share `rate` of the calls: as many 429 as 503 as dropped connections."""
    share = rate / 3
    return [
        Fault("status", path, probability=share, status=429),
        Fault("status", path, probability=share / (1 - share), status=503),
        Fault("drop_midstream", path, probability=share / (1 - 2 * share)),
    ]
