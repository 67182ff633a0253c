"""What was asked and what was answered: the accounts of the local OCI."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.doubles.oci.delivery import Answer


@dataclass
class Call:
    """One request and what became of it.

    Args:
        path: the operation: `chat`, `embedText`, `rerankText`, `applyGuardrails`, `put_logs`, `post_metric_data`,
            `publish_message`, `agent_chat`, `search` or `traces`; of Object Storage, the last part of the address.
        body: as it was sent; empty where it is no JSON.
        verified: its signature (of traces: its data key) was accepted.
        answered: a model made an answer, whether it arrived or not.
        completed: the whole answer left for a client that was still there, with its end.
        prompt_chars: of all texts of the prompt, and of the schema beside them.
        answer_chars: of the answer that the model made.
        target: path and query, as they were sent.
        request_id: of the answer.
        method: of HTTP.
    """

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    verified: bool = False
    status: int = 0
    model: str = ""
    prompt_chars: int = 0
    answer_chars: int = 0
    answered: bool = False
    completed: bool = False
    target: str = ""
    request_id: str = ""
    method: str = ""


@dataclass
class Seen:
    """What the telemetry services accepted."""

    metrics: list[dict[str, Any]] = field(default_factory=list)
    log_entries: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Remembered:
    """What a request with a retry token asked, and the answer that it had."""

    body: bytes
    answer: Answer


class Records:
    """The calls, and what they carried. Written by the server's thread, read by any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls: list[Call] = []
        self.rejected: Counter[str] = Counter()
        self.seen = Seen()
        self.answered: dict[str, Remembered] = {}
        """By retry token."""

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.calls, self.rejected, self.seen, self.answered = [], Counter(), Seen(), {}

    def add(self, call: Call) -> None:
        """Record a request that arrived."""
        with self.lock:
            self.calls.append(call)

    def reject(self, call: Call, why: str) -> None:
        """Record a request that is not authenticated."""
        call.status = 401
        with self.lock:
            self.calls.append(call)
            self.rejected[why] += 1

    def keep(self, kind: str, items: list[Any]) -> None:
        """Keep what a telemetry service accepted, under the name of a field of `Seen`."""
        with self.lock:
            getattr(self.seen, kind).extend(items)

    def of(self, path: str) -> list[Call]:
        """Return the verified calls of one operation."""
        with self.lock:
            return [call for call in self.calls if call.path == path and call.verified]

    def completed_chars(self) -> int:
        """Return the characters of prompts and answers of completed chat calls."""
        return sum(call.prompt_chars + call.answer_chars for call in self.of("chat") if call.completed)

    def all_chars(self) -> int:
        """Return the characters of all chat calls that a model answered, whether the answer arrived or not."""
        return sum(call.prompt_chars + call.answer_chars for call in self.of("chat") if call.answered)

    def counts(self) -> dict[str, Any]:
        """Return the numbers that `GET /_double/calls` shows."""
        with self.lock:
            verified = [call for call in self.calls if call.verified]
            rejected = sum(self.rejected.values())
        return {
            "verified": len(verified),
            "rejected": rejected,
            "by_path": dict(Counter(call.path for call in verified)),
            "by_status": {str(status): n for status, n in sorted(Counter(call.status for call in verified).items())},
            "completed_chars": self.completed_chars(),
            "all_chars": self.all_chars(),
        }
